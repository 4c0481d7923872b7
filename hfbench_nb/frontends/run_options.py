"""The options of commands that measure: where the run is, which machines share it, and how results are printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hfbench_nb.arguments.benchmark import PLACE, BenchmarkArguments
from hfbench_nb.arguments.fields import option
from hfbench_nb.execution.executors import EXECUTORS
from hfbench_nb.execution.machines import SPREADS
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.protocol.tasks import GENERATION


@dataclass(kw_only=True)
class RunOptions:
    """Where a run is measured and stored: arguments of `Benchmark.run`."""

    executor: str | None = option(
        None,
        f"Where and how cases are measured: {'; '.join(f'{each.name}, {each.summary}' for each in EXECUTORS)}; or "
        "another registered executor.",
        group=PLACE,
        suggestions=lambda: EXECUTORS.names,
    )
    folder: str | None = option(
        None, "Folder to store the run in. By default a new one in the user's cache.", group=PLACE
    )
    resume: str | None = option(None, "Folder of a run to resume: only missing cases are measured.", group=PLACE)


@dataclass(kw_only=True)
class ClusterOptions:
    """Which machines share a run, and how."""

    scheduler: str | None = option(
        None,
        "Address of the scheduler of a Dask cluster, on whose machines cases are measured, such as tcp://node-1:8786.",
        group=PLACE,
    )
    spread: str = option(
        SPREADS[0],
        "How the machines of a cluster share the run. cases: each case is measured on one of them; hosts: on each.",
        SPREADS,
        group=PLACE,
    )

    def __post_init__(self) -> None:
        if self.scheduler is not None and "://" not in self.scheduler:
            raise wrong_value("scheduler", self.scheduler, "an address such as tcp://node-1:8786")


_TEXTS: dict[str, Callable[[Any], str]] = {
    "report": str,
    "markdown": lambda results: str(results.to_markdown()),
    "html": lambda results: str(results.to_html()),
    "latex": lambda results: str(results.to_latex()),
    "llama-bench": lambda results: str(results.to_markdown(style="llama-bench")),
}


@dataclass(kw_only=True)
class PrintOptions:
    """How the shell prints results."""

    format: str = option(
        "report", "How the results are printed; llama-bench: the table of that tool, for generation.", tuple(_TEXTS)
    )

    def check(self, arguments: BenchmarkArguments) -> None:
        """Raise if results of these arguments cannot be printed so."""
        if self.format == "llama-bench" and not (GENERATION in arguments.tasks and arguments.speed):
            others = ", ".join(name for name in _TEXTS if name != self.format)
            raise wrong_value("format", self.format, f"{others} unless the time of generation is measured")

    def text(self, results: Any) -> str:
        """Return results as they are printed; those of a run that was stopped before its first case, as a report."""
        return _TEXTS[self.format if results.entries else "report"](results)
