"""What can be plotted, fitted and predicted: the frame's columns of numbers, and throughput made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.rendering.units import format_memory, format_ratio, format_time

if TYPE_CHECKING:
    import pandas as pd

    from hfbench_nb.facade.benchmark_results import BenchmarkResults

THROUGHPUT = ("sequences_per_s", "tokens_per_s")
"""Figures that are made of time, batch size and sequence length."""

TITLES = {
    "time_s": "Time (s)",
    "memory_mb": "Peak memory (MB)",
    "sequences_per_s": "Throughput (sequences/s)",
    "tokens_per_s": "Throughput (tokens/s)",
    "sequence_length": "Sequence length (tokens)",
    "batch_size": "Batch size",
}
"""What is written on an axis, by column."""


def make_points(
    results: BenchmarkResults, values: str | None = None, task: str | None = None
) -> tuple[str, pd.DataFrame]:
    """Give one figure of each cell that has a batch size and a sequence length.

    Parameters
    ----------
    results
        Where the cells are.
    values
        A column of numbers of the frame, ``sequences_per_s`` or ``tokens_per_s``; by default ``time_s`` where it was
        measured, else ``memory_mb``.
    task
        ``inference`` or ``training``; by default all tasks.

    Returns
    -------
    tuple of str and pandas.DataFrame
        The name of the figure, and a row a cell with the columns ``framework``, ``label`` (the model's), ``task``,
        ``batch_size``, ``sequence_length``, ``status``, ``value`` and its 95 % interval ``low`` and ``high`` (NaN where
        the figure has none).

    Raises
    ------
    ArgumentError
        If a parameter cannot be used, no cell has sizes (those of functions have none), or the figure was not measured.
    """
    frame = results.frame.assign(label=results.labels)
    values = _known(frame, values)
    if task is not None:
        if task not in results.tasks:
            raise wrong_value("task", task, " or ".join(map(repr, results.tasks)))
        frame = frame[frame["task"] == task]
    frame = frame.dropna(subset=["batch_size", "sequence_length"])
    if frame.empty:
        raise ArgumentError("There is nothing to show: no cell has a batch size and a sequence length.")
    frame = frame.astype({"batch_size": int, "sequence_length": int})
    value, low, high = _with_interval(frame, values)
    if value.isna().all() and (frame["status"] == "ok").all():
        raise ArgumentError(f"There is nothing to show: {values} was not measured.")
    kept = frame[["framework", "label", "task", "batch_size", "sequence_length", "status"]]
    return values, kept.assign(value=value.astype(float), low=low.astype(float), high=high.astype(float))


def of_time(values: str, time_s: Any, sizes: Any) -> Any:
    """Give the throughput (or the time itself) that belongs to a time.

    Parameters
    ----------
    values
        ``time_s``, ``sequences_per_s`` or ``tokens_per_s``.
    time_s
        Seconds for one call, a number or an array.
    sizes
        What has ``batch_size`` and ``sequence_length``, by key: a DataFrame or a dictionary.
    """
    if values not in THROUGHPUT:
        return time_s
    tokens = sizes["sequence_length"] if values == "tokens_per_s" else 1
    return sizes["batch_size"] * tokens / time_s


def format_value(values: str, value: float) -> str:
    """Give a figure as text with its unit."""
    if values.endswith("_ratio"):
        return format_ratio(value)
    if values.endswith("_per_s"):
        return f"{value:,.0f}/s" if value >= 100 else f"{value:#.3g}/s"
    return format_time(value) if values.endswith("_s") else format_memory(value)


def _with_interval(frame: pd.DataFrame, values: str) -> tuple[pd.Series[float], ...]:
    """Give a figure and the ends of its 95 % interval, NaN where it has none."""
    if values not in ("time_s", *THROUGHPUT):
        absent = frame[values] * float("nan")
        return frame[values], absent, absent
    time_s, low_s, high_s = (frame[name] for name in ("time_s", "time_ci_low_s", "time_ci_high_s"))
    if values == "time_s":
        return time_s, low_s, high_s
    # The longest time is the lowest throughput; an interval of time that reaches 0 bounds none from above.
    value, low, high = (of_time(values, t, frame) for t in (time_s, high_s, low_s.where(low_s > 0)))
    return value, low, high


def _known(frame: pd.DataFrame, values: str | None) -> str:
    numbers = [name for name in frame.columns if name.endswith(("_s", "_mb"))]
    if values is None:
        return "time_s" if frame["time_s"].notna().any() or frame["memory_mb"].isna().all() else "memory_mb"
    if values not in (*numbers, *THROUGHPUT):
        raise wrong_value("values", values, " or ".join(map(repr, (*numbers, *THROUGHPUT))))
    return values
