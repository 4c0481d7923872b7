"""The results of a run: figures, tables, plots, files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.scaling import scaling
from hfbench_nb.display.comparison import compare
from hfbench_nb.display.html_tables import results_to_html
from hfbench_nb.display.markdown_tables import to_markdown
from hfbench_nb.display.memory_summary import Memory, MemorySummary, summarize
from hfbench_nb.display.plots import plot, plot_memory
from hfbench_nb.protocol.records import Cell, Measurement
from hfbench_nb.results.environment import Environment
from hfbench_nb.results.labels import make_labels, merge_facts, stamp_versions
from hfbench_nb.results.pivot import table
from hfbench_nb.storage import csv_files, journal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NOT_AVAILABLE", "BenchmarkResults", "Memory"]

NOT_AVAILABLE = "N/A"
"""What the original's dictionaries, report and files hold for a figure that is not there."""


class BenchmarkResults:
    """What a run found, a cell a row, with the environment in which it was found.

    In a notebook it shows tables; `print` gives the original's text report.  Tables and plots are functions of
    their own modules, bound here as methods.

    Parameters
    ----------
    entries
        The finished cells in the order measured.
    environment
        Facts of machine and framework, by name.
    arguments
        The arguments of the run, by name; empty where they are not known.
    folder
        Where the run kept its journal, or None.
    """

    def __init__(
        self,
        entries: Iterable[tuple[Cell, Measurement]],
        environment: Mapping[str, Any],
        arguments: dict[str, Any],
        folder: Path | None = None,
    ) -> None:
        self.entries: tuple[tuple[Cell, Measurement], ...] = tuple(entries)
        self.environment = Environment(environment)
        self.arguments = arguments
        self.folder = folder

    @classmethod
    def from_report(cls, text: str) -> BenchmarkResults:
        """Read a report that was printed and pasted: the original's, or one of ours.

        Times come back to the millisecond and memory to the MB, as printed. ``< 0.001`` is no figure: such a cell has
        no time, and `frame` says in ``error`` what was printed. Names that the original cut at 30 characters stay cut.
        Of a text with several reports the first is read.

        Parameters
        ----------
        text
            The report, with or without the environment, and what pasting has put around it: blanks, quoting marks,
            fences, escapes of HTML.

        Returns
        -------
        BenchmarkResults
            With the environment of the report, where it has one; the framework of the cells is taken from there.

        Warns
        -----
        UserWarning
            For each row that is left out, or read otherwise than printed: a cell that is there twice, for instance.

        Raises
        ------
        ArgumentError
            If there is no row of a report in the text.
        """
        from hfbench_nb.storage.report_reader import read_report

        entries, environment, arguments, problems = read_report(text)
        for problem in problems:
            warnings.warn(problem, stacklevel=2)
        return cls(entries, environment, arguments)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A tidy DataFrame, a row a cell, with the columns of `hfbench_nb.frame.COLUMNS`; what is absent is NaN."""
        from hfbench_nb.results.frame import make_frame

        return make_frame(self.entries)

    @cached_property
    def labels(self) -> list[str]:
        """The name of each row's model, with what tells it from the same cell of another run that was added."""
        # A process that died told no version: the environment of its run knows it.
        return make_labels(stamp_versions(self.entries, self.environment))

    def __add__(self, other: BenchmarkResults) -> BenchmarkResults:
        """Bring the rows of two runs together, to compare frameworks, versions or machines in one table or plot.

        Facts of the environment that differ become lists.
        """
        if not isinstance(other, BenchmarkResults):
            return NotImplemented
        asked = {name: self.asked_for(name) or other.asked_for(name) for name in ("speed", "memory")}
        return BenchmarkResults(
            stamp_versions(self.entries, self.environment) + stamp_versions(other.entries, other.environment),
            merge_facts(self.environment, other.environment),
            {**self.arguments, **other.arguments, **asked},
        )

    @property
    def tasks(self) -> list[str]:
        """The tasks that have cells, inference first."""
        return sorted({cell.task for cell, _ in self.entries})  # in this order by their names, too

    def asked_for(self, figure: str) -> bool:
        """Tell whether ``speed`` or ``memory`` was measured in this run.

        Where the arguments do not say and every cell failed, both are taken to have been asked for.
        """
        has = {
            "speed": any(m.timing is not None for _, m in self.entries),
            "memory": any(m.memory is not None for _, m in self.entries),
        }
        nothing_told = bool(self.entries) and not any(has.values())
        return bool(self.arguments.get(figure, has[figure] or nothing_told))

    # ---- what the original's results hold

    @property
    def time_inference_result(self) -> dict[str, Any]:
        """Seconds of inference: ``{model: {"bs", "ss", "result": {batch size: {sequence length: time}}}}``."""
        return self.nested("inference", "speed")

    @property
    def memory_inference_result(self) -> dict[str, Any]:
        """Peak memory of inference, a `Memory` each, nested like `time_inference_result`."""
        return self.nested("inference", "memory")

    @property
    def time_train_result(self) -> dict[str, Any]:
        """Seconds of training, nested like `time_inference_result`."""
        return self.nested("training", "speed")

    @property
    def memory_train_result(self) -> dict[str, Any]:
        """Peak memory of training, a `Memory` each, nested like `time_inference_result`."""
        return self.nested("training", "memory")

    @property
    def inference_summary(self) -> MemorySummary | None:
        """Memory of inference line by line, of the last cell that was traced, like the original; None without one."""
        return self._last_summary("inference")

    @property
    def train_summary(self) -> MemorySummary | None:
        """Memory of training line by line, like `inference_summary`."""
        return self._last_summary("training")

    @cached_property
    def summaries(self) -> dict[Cell, MemorySummary]:
        """Memory line by line of every cell that was traced (``trace_memory_line_by_line=True``)."""
        return {cell: summarize(m.line_trace) for cell, m in self.entries if m.line_trace is not None}

    def _last_summary(self, task: str) -> MemorySummary | None:
        return next((summary for cell, summary in reversed(self.summaries.items()) if cell.task == task), None)

    def nested(self, task: str, figure: str) -> dict[str, Any]:
        """Give one figure of one task as the original's nested dictionaries; ``"N/A"`` where a cell has none.

        The keys are `labels`: the names of the models, unless results of several runs were added up.
        """
        # Functions have no sizes: they are no part of what the original knew, nor are models part of them.
        alike = [cell for cell, _ in self.entries if (cell.task == "function") == (task == "function")]
        batch_sizes = list(dict.fromkeys(cell.batch_size for cell in alike))
        lengths = list(dict.fromkeys(cell.sequence_length for cell in alike))
        nested: dict[str, Any] = {
            label: {"bs": batch_sizes, "ss": lengths, "result": {size: {} for size in batch_sizes}}
            for label in self.labels
        }
        if self.asked_for(figure):
            for label, (cell, measurement) in zip(self.labels, self.entries, strict=True):
                if cell.task == task:
                    value = _classic_value(measurement, figure)
                    nested[label]["result"][cell.batch_size][cell.sequence_length] = value
        return nested

    # ---- text and tables

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return self.report()

    def report(self, environment: bool | None = None) -> str:
        """Give the original's text report.

        Parameters
        ----------
        environment
            Whether to list the environment; by default what the argument `env_print` says.
        """
        from hfbench_nb.display.report import make_report

        wanted = bool(self.arguments.get("env_print", False)) if environment is None else environment
        return make_report(self, environment=wanted)

    _repr_html_ = results_to_html
    table = table
    to_markdown = to_markdown
    plot = plot
    plot_memory = plot_memory
    scaling = scaling
    compare = compare

    # ---- files

    def to_csv(self, folder: str | os.PathLike[str] = ".") -> list[Path]:
        """Write the original's CSV files, one a task and figure, and the environment; give their paths.

        Parameters
        ----------
        folder
            Made if it is not there. The files are ``inference_time.csv``, ``inference_memory.csv``,
            ``train_time.csv``, ``train_memory.csv`` (those that were measured) and ``env_info.csv``.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        return csv_files.write_all(self, {name: target / f"{name}.csv" for name in csv_files.NAMES})

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write everything, with every raw sample, to ``results.jsonl`` in a folder; give its path.

        `load_results` reads it back.
        """
        contents = journal.Contents(self.environment, self.arguments, entries=list(self.entries))
        return journal.write(Path(folder), contents)


def _classic_value(measurement: Measurement, figure: str) -> float | Memory | str:
    if figure == "speed":
        return NOT_AVAILABLE if measurement.timing is None else measurement.timing.median_s
    return NOT_AVAILABLE if measurement.memory is None else Memory(measurement.memory.peak_bytes)
