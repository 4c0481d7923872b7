"""The registry of tasks: what can be measured of a model, and functions."""

from __future__ import annotations

from dataclasses import dataclass

from hfbench_nb.protocol.registry import Registry

TRAINING, GENERATION = "training", "generation"
"""The names of the tasks that have metrics and axes of their own."""


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes
    ----------
    name
        The name in the column ``task``; the argument of this name, if there is one, requests the task.
    workload
        ``package.module:Class`` of the `hfbench_nb.worker.workloads.base.Workload` that the worker imports.
    file_stem
        Start of the names of its CSV files; by default the name.
    report_name
        What the text report calls it; by default the name in capitals.
    report_ending
        The end of the headings of its tables in the text report.
    has_sizes
        Whether its cases have a batch size and a sequence length.
    builds_named_class
        Whether its model is of the class that the configuration names, if it names one.
    repeated_by
        Name of the axis that says how many batches a call processes; empty where that is one.
    across
        Names of metrics that are the columns of one table, with a row per case; by default each metric has a table of
        its own.
    """

    name: str
    workload: str
    file_stem: str = ""
    report_name: str = ""
    report_ending: str = "RESULT"
    has_sizes: bool = True
    builds_named_class: bool = True
    repeated_by: str = ""
    across: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """Start of the names of its CSV files."""
        return self.file_stem or self.name

    @property
    def report_word(self) -> str:
        """What the report calls the task."""
        return self.report_name or self.name.upper()

    def report_heading(self, metric: str) -> str:
        """Return the heading of its table of a metric in the text report."""
        return f"{self.report_word} - {metric} - {self.report_ending}"


TASKS: Registry[Task] = Registry("task")
TASKS.register(Task("inference", "hfbench_nb.worker.workloads.inference:Inference"))
TASKS.register(
    Task(
        TRAINING,
        "hfbench_nb.worker.workloads.training:Training",
        file_stem="train",
        report_name="TRAIN",
        report_ending="RESULTS",
        repeated_by="gradient_accumulation",
    )
)
TASKS.register(
    Task(
        GENERATION,
        "hfbench_nb.worker.workloads.generation:Generation",
        builds_named_class=False,
        across=("ttft_s", "tpot_s", "prefill_tokens_per_s", "decode_tokens_per_s", "kv_cache_mb", "memory_mb"),
    )
)
TASKS.register(Task("function", "hfbench_nb.worker.workloads.function:FunctionCall", has_sizes=False))
