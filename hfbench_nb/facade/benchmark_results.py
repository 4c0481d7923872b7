"""`BenchmarkResults`: a result set with its views bound as methods."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hfbench_nb.analysis.largest import ARGUMENT as SEARCHED
from hfbench_nb.analysis.largest import Hunt
from hfbench_nb.analysis.machine_peaks import machine_peaks
from hfbench_nb.analysis.scaling import scaling
from hfbench_nb.analysis.speedups import table
from hfbench_nb.arguments import checks
from hfbench_nb.display.comparing import compare, relative
from hfbench_nb.display.csv_export import write_files
from hfbench_nb.display.explanation import explain
from hfbench_nb.display.html_tables import to_html
from hfbench_nb.display.json_export import to_json
from hfbench_nb.display.largest import Largest
from hfbench_nb.display.latex_tables import to_latex
from hfbench_nb.display.markdown_tables import to_markdown
from hfbench_nb.display.memory_summary import MemorySummary, last_summary, summaries
from hfbench_nb.display.plots import plot, plot_interactive, plot_memory, plot_profiles, plot_roofline, plot_tokens
from hfbench_nb.display.profiles import Profiles
from hfbench_nb.display.report import make_report
from hfbench_nb.facade.sharing import push_to_hub, save
from hfbench_nb.protocol.case import Case
from hfbench_nb.rendering.docstrings import as_method
from hfbench_nb.rendering.escaping import for_stdout
from hfbench_nb.rendering.keywords import refuse_unknown_keywords_of_methods
from hfbench_nb.rendering.suggestions import no_such
from hfbench_nb.results.environment import summarize
from hfbench_nb.results.metrics import METRICS, headlines
from hfbench_nb.results.nested import nest
from hfbench_nb.results.result_set import ResultSet, Row
from hfbench_nb.results.selection import select
from hfbench_nb.storage.report_reader import read_report


@refuse_unknown_keywords_of_methods
class BenchmarkResults(ResultSet):
    """The results of a run, one row per case, with the environment in which they were measured.

    A notebook displays them as tables; `print` prints the original's text report.  Tables and plots are functions in
    their own modules, bound here as methods.

    Parameters
    ----------
    entries
        The finished cases, `Case` and `Measurement`, in the order measured.
    environment
        Facts about machine and framework by name; a fact that differs between rows is the list of its values.
    arguments
        The arguments of the run by name; empty if unknown.
    folder
        The folder with the run's journal, or None.
    environments
        The environment of each entry; by default `environment`.
    """

    @classmethod
    def from_report(cls, text: str) -> BenchmarkResults:
        """Read a report that was printed and pasted: the original's, or one of ours.

        Times are precise to the millisecond and memory to the MB, as printed. ``< 0.001`` is not a number: such a case
        has no time, and ``error`` in `frame` says what was printed. Names that the original truncated at 30 characters
        stay truncated. Of the tables of a task, those of speed and memory are read. If the text contains several
        reports, the first is read.

        Parameters
        ----------
        text
            The report, with or without the environment; blanks, quoting marks, fences and HTML escapes added by pasting
            are ignored.

        Returns
        -------
        BenchmarkResults
            With the environment of the report, if it has one; it also gives the framework of the cases.

        Warns
        -----
        UserWarning
            For each table that is left out, and each row that is left out or read differently from the printed text,
            such as a case that occurs twice.

        Raises
        ------
        ArgumentError
            If the text contains no row of a report.
        """
        entries, environment, arguments, problems = read_report(text)
        for problem in problems:
            warnings.warn(problem, stacklevel=2)
        return cls(entries, environment, arguments)

    def __add__(self, other: ResultSet) -> BenchmarkResults:
        """Combine the rows of two runs, to compare frameworks, versions or machines in one table or plot.

        Each row keeps its own environment; `environment` lists all values of a fact that differs.
        """
        if not isinstance(other, ResultSet):
            return NotImplemented
        asked = {group: self.asked_for(group) or other.asked_for(group) for group in ("speed", "memory")}
        return BenchmarkResults(
            self.entries + other.entries,
            summarize([self.environment, other.environment]),
            {**_without_search(self, other), **_without_search(other, self), **asked},
            environments=self.environments + other.environments,
        )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.entries)

    def __iter__(self) -> Iterator[Row]:
        """Return the rows one by one: each with its label, case, measurement and environment."""
        return self.rows

    def __getitem__(self, key: str | Mapping[str, Any]) -> BenchmarkResults:
        """Return the results of some rows.

        Parameters
        ----------
        key
            The name of a model, or settings, each one value or a list: ``results["gpt2"]``,
            ``results[{"dtype": "float32", "sequence_length": [8, 32]}]``.

        Raises
        ------
        ArgumentError
            If no row is of that model, or has such settings.
        """
        kept = select(self, key)
        environments = [self.environments[i] for i in kept]
        return BenchmarkResults(
            [self.entries[i] for i in kept], self.environment, self.arguments, environments=environments
        )

    # ---- the attributes of the original's results

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

    def nested(self, task: str, metric: str) -> dict[str, Any]:
        """Return one metric of one task as the original's nested dictionaries; ``"N/A"`` where a case has none.

        Parameters
        ----------
        task
            Name of a task.
        metric
            ``speed``, ``memory``, or the name of another metric.

        Raises
        ------
        ArgumentError
            If there is no such metric.
        """
        chosen = {each.group: each for each in headlines() if not each.task} | {each.name: each for each in METRICS}
        if metric not in chosen:
            raise no_such("metric", metric, chosen)
        return nest(self, task, chosen[metric])

    @property
    def inference_summary(self) -> MemorySummary | None:
        """Memory of inference line by line, of the last case that was traced, like the original; None without one."""
        return last_summary(self, "inference")

    @property
    def train_summary(self) -> MemorySummary | None:
        """Memory of training line by line, like `inference_summary`."""
        return last_summary(self, "training")

    @property
    def summaries(self) -> dict[Case, MemorySummary]:
        """Memory line by line of every case that was traced (``trace_memory_line_by_line=True``)."""
        return summaries(self)

    @property
    def profiles(self) -> Profiles:
        """Where the time of each case goes (``profile=True``): ``results.profiles["gpt2"]``, or a position."""
        return Profiles(self)

    @property
    def largest(self) -> Largest:
        """The largest size that ran within the limit, per model and settings, of a run of `find_largest`.

        Raises
        ------
        ArgumentError
            If these results are of no such run.
        """
        return Largest(self, Hunt.of(self.arguments))

    # ---- text and tables

    def __str__(self) -> str:
        return for_stdout(self.report())

    __repr__ = __str__

    def report(self, environment: bool | None = None) -> str:
        """Return the original's text report.

        Parameters
        ----------
        environment
            Whether to list the environment; by default what the argument `env_print` says.
        """
        wanted = bool(self.arguments.get("env_print", False)) if environment is None else environment
        return make_report(self, environment=wanted)

    _repr_html_ = to_html
    table = as_method(table)
    to_markdown = as_method(to_markdown)
    to_html = as_method(to_html)
    to_latex = as_method(to_latex)
    to_json = as_method(to_json)
    plot = as_method(plot)
    plot_interactive = as_method(plot_interactive)
    plot_memory = as_method(plot_memory)
    plot_tokens = as_method(plot_tokens)
    plot_roofline = as_method(plot_roofline)
    machine_peaks = as_method(machine_peaks)
    plot_profiles = as_method(plot_profiles)
    explain = as_method(explain)
    scaling = as_method(scaling)
    compare = as_method(compare)
    relative = as_method(relative)

    # ---- files

    save = as_method(save)
    push_to_hub = as_method(push_to_hub)

    def to_csv(self, folder: str | os.PathLike[str] = ".") -> list[Path]:
        """Write the original's CSV files, one per task and metric, and the environment; return their paths.

        Parameters
        ----------
        folder
            Created if it does not exist. The files are ``inference_time.csv``, ``inference_memory.csv``,
            ``train_time.csv``, ``train_memory.csv``, ``function_time.csv``, ``function_memory.csv``,
            ``generation_time.csv``, ``generation_ttft.csv``, ``generation_kv_cache.csv`` ... (those that were
            measured) and ``env_info.csv``.

        Raises
        ------
        ArgumentError
            If it is no path.
        """
        target = checks.path("folder", folder)
        target.mkdir(parents=True, exist_ok=True)
        return write_files(self, target)


def _without_search(results: ResultSet, other: ResultSet) -> dict[str, Any]:
    """Return arguments, without what was looked for unless other results looked for the same."""
    same = results.arguments.get(SEARCHED) == other.arguments.get(SEARCHED)
    return {name: value for name, value in results.arguments.items() if same or name != SEARCHED}
