"""Scaling curves.  Plots take results and return Axes; they measure nothing."""

from __future__ import annotations

import itertools
import math
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from hfbench_nb.errors import wrong_value
from hfbench_nb.records import MEGABYTE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from hfbench_nb.memory_summary import MemorySummary
    from hfbench_nb.results import BenchmarkResults

# Colour-blind-safe: M. Okabe and K. Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/
# (black last but one, yellow, hard to see on white, last).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LINES = ("-", "--", "-.", ":")
_LABELS = {
    "time_s": "Time (s)",
    "memory_mb": "Peak memory (MB)",
    "sequence_length": "Sequence length (tokens)",
    "batch_size": "Batch size",
}
# What still fits into a legend inside the axes.
_LEGEND_LINES = 4
_LEGEND_LETTERS = 20
# How many steps of a line-by-line summary are named.
_NAMED_STEPS = 3


def plot(
    results: BenchmarkResults,
    values: str | None,
    along: str,
    *,
    task: str | None,
    log: bool,
    labels: list[str] | None,
    ax: Axes | None,
) -> Axes:
    """Draw the curves; see `BenchmarkResults.plot`."""
    import pandas as pd

    frame = results.frame.assign(label=results.labels)
    column = _column(frame, values)
    if along not in ("sequence_length", "batch_size"):
        raise wrong_value("along", along, "'sequence_length' or 'batch_size'")
    if task is not None:
        if task not in results.tasks:
            raise wrong_value("task", task, " or ".join(map(repr, results.tasks)))
        frame = frame[frame["task"] == task]
    models = list(dict.fromkeys(frame["label"]))
    if labels is not None and len(labels) != len(models):
        raise wrong_value("labels", labels, f"a list of {len(models)} names, one a model: {', '.join(models)}")
    ax = _new_axes() if ax is None else ax
    other = "batch_size" if along == "sequence_length" else "sequence_length"
    series = list(frame.groupby(["label", "task", other], sort=False, dropna=False))
    names = _names(series, dict(zip(models, labels or models, strict=True)), other)
    for (_, points), name, style in zip(series, names, _styles(), strict=False):
        _draw_series(ax, pd.DataFrame(points).sort_values(along), column, along, name, style)
    _finish(ax, frame, column, along, log=log, lines=len(series))
    return ax


def plot_summary(summary: MemorySummary, ax: Axes | None) -> Axes:
    """Draw memory along a traced run; see `MemorySummary.plot`."""
    ax = _new_axes() if ax is None else ax
    steps = range(len(summary.sequential) + 1)
    amounts = {"CPU": [s.cpu.bytes for s in summary.sequential], "GPU": [s.gpu.bytes for s in summary.sequential]}
    above_start_mb = {
        name: [total / MEGABYTE for total in itertools.accumulate(changes, initial=0)]
        for name, changes in amounts.items()
        if name == "CPU" or any(changes)
    }
    for (name, values_mb), colour in zip(above_start_mb.items(), PALETTE, strict=False):
        ax.step(steps, values_mb, where="post", label=name, color=colour, linewidth=1.6)
    largest = sorted(enumerate(summary.sequential), key=lambda step: step[1].cpu_gpu.bytes, reverse=True)
    named = [(i, state) for i, state in largest[:_NAMED_STEPS] if state.cpu_gpu.bytes > 0]
    for (i, state), colour, marker in zip(named, PALETTE[2:], _MARKERS, strict=False):
        name = "GPU" if state.gpu.bytes > state.cpu.bytes else "CPU"
        place = f"{PurePath(state.frame.filename).name}:{state.frame.line_number}"
        label = f"{place}: +{state.cpu_gpu.bytes / MEGABYTE:,.1f} MB"
        ax.plot(i + 1, above_start_mb[name][i + 1], marker=marker, color=colour, linestyle="none", label=label)
    ax.set_xlabel("Step of the run (traced lines)")
    ax.set_ylabel("Memory above the start (MB)")
    ax.grid(True, which="major", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return ax


def _new_axes() -> Axes:
    from matplotlib import pyplot as plt

    _, ax = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
    return ax


def _column(frame: pd.DataFrame, values: str | None) -> str:
    numbers = [name for name in frame.columns if name.endswith(("_s", "_mb"))]
    if values is None:
        return "time_s" if frame["time_s"].notna().any() or frame["memory_mb"].isna().all() else "memory_mb"
    if values not in numbers:
        raise wrong_value("values", values, " or ".join(map(repr, numbers)))
    return values


def _names(series: list[Any], short: dict[str, str], other: str) -> list[str]:
    """Name each line by what tells it from the others."""
    keys = [key for key, _ in series]
    several_tasks, several_others = (len({key[i] for key in keys}) > 1 for i in (1, 2))
    short_other = "batch" if other == "batch_size" else "length"
    return [
        short[label] + f", {task}" * several_tasks + f", {short_other} {size}" * several_others
        for label, task, size in keys
    ]


def _styles() -> Any:
    """Give styles that differ in colour, marker and line, without end."""
    return (
        {"color": PALETTE[i % len(PALETTE)], "marker": _MARKERS[i % len(_MARKERS)], "linestyle": line}
        for line in itertools.cycle(_LINES)
        for i in range(len(PALETTE))
    )


def _draw_series(ax: Axes, points: pd.DataFrame, column: str, along: str, name: str, style: dict[str, Any]) -> None:
    good = points[points[column].notna()]
    ax.plot(good[along], good[column], label=name, markersize=5, linewidth=1.6, **style)
    if column == "time_s":
        ax.fill_between(
            good[along], good["time_ci_low_s"], good["time_ci_high_s"], color=style["color"], alpha=0.2, linewidth=0
        )
    failed = points[points[column].isna() & (points["status"] != "ok")]
    if len(failed):
        # On the axis itself, whatever the scale: x in data, y in shares of the height.
        ax.plot(
            failed[along], [0.0] * len(failed), transform=ax.get_xaxis_transform(), color=style["color"],
            marker="x", markersize=9, markeredgewidth=2, linestyle="none", clip_on=False, zorder=5,
            label=f"{name}: {', '.join(dict.fromkeys(failed['status']))}",
        )  # fmt: skip


def _finish(ax: Axes, frame: pd.DataFrame, column: str, along: str, *, log: bool, lines: int) -> None:
    """Set scales, plain tick labels, axis labels and a legend that covers no data."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

    positions = sorted(set(frame[along]))
    if log:
        ax.set_xscale("log", base=2)
        if frame[column].notna().any():
            ax.set_yscale("log")
            # A short axis gets ticks between the powers of ten: one tick tells no scale.
            ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if _decades(frame[column]) < 3 else (1.0,)))
            ax.yaxis.set_minor_locator(NullLocator())
    else:
        ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    ax.xaxis.set_major_locator(FixedLocator(positions))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel(_LABELS[along])
    ax.set_ylabel(_LABELS.get(column, column))
    ax.grid(True, which="major", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    if lines:
        _place_legend(ax)


def _place_legend(ax: Axes) -> None:
    """Put the legend where it covers no data: into the axes, beside them, or below them if names are long."""
    labels = [str(label) for label in ax.get_legend_handles_labels()[1]]
    longest = max(map(len, labels))
    if len(labels) <= _LEGEND_LINES and longest <= _LEGEND_LETTERS:
        ax.legend(frameon=False)
    elif longest <= 2 * _LEGEND_LETTERS:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small")
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(0.0, -0.14), frameon=False, fontsize="small")


def _decades(values: pd.Series[float]) -> float:
    good = values[values > 0]
    return math.log10(good.max() / good.min()) if len(good) else 0.0
