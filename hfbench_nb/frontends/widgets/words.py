"""What the panel's line of status says."""

from __future__ import annotations

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.sweep import plan
from hfbench_nb.frontends.widgets.background import BackgroundRun
from hfbench_nb.frontends.widgets.earlier import OpenedRun
from hfbench_nb.rendering.units import counted, format_duration

# What a round of a case takes beside its share of the time budget: starting a worker, building a small model, memory.
_ROUND_S = 0.5


def describe_plan(args: BenchmarkArguments | None) -> str:
    """Return how much there is to measure, and about how long that takes."""
    if args is None:
        return ""
    cases, rounds = len(plan(args)), args.method().rounds
    number = cases * rounds
    how = f" in {rounds} rounds: {number} measurements" if rounds > 1 else ""
    seconds = cases * args.max_seconds * args.speed + number * _ROUND_S
    return f"{_cases(cases)}{how}, about {format_duration(seconds)} with small models, longer with large ones."


def describe_progress(run: BackgroundRun, note: str) -> str:
    """Return how far a run is, or how it ended, with a note on what the notebook keeps."""
    if run.is_over:
        ended = run.failure or f"{'Stopped: ' if run.was_stopped else ''}{run.text}."
        return f"{ended} {note}".rstrip()
    doing = "stopping" if run.was_stopped else run.text
    return f"{run.done} of {run.total} measurements in {format_duration(run.elapsed_s)}; {doing}"


def describe_opened(run: OpenedRun, note: str) -> str:
    """Return which earlier run is shown, with a note on what the notebook keeps."""
    cases = f"{_cases(len(run.results.entries))}{f', {run.failed} failed' if run.failed else ''}"
    told = f"An earlier run: {cases}. Its arguments are in the form; Run measures again."
    return f"{told} {note}".rstrip()


def _cases(number: int) -> str:
    return counted(number, "case")
