"""The parts of peak memory as stacked bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hfbench_nb.display.plots.bars import (
    axes_for_rows,
    clean_rows,
    finish_row_panels,
    height_of,
    name_rows,
    places_of,
    write_at,
)
from hfbench_nb.display.plots.headings import heading
from hfbench_nb.display.plots.layout import new_panels, set_heading
from hfbench_nb.display.plots.style import GREY, PALETTE, SHORT_SIZES, plain_ticks
from hfbench_nb.protocol.case import SIZE_NAMES
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.suggestions import no_such
from hfbench_nb.results.metrics import METRICS
from hfbench_nb.results.result_set import ResultSet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_BAR, _THIN_BAR = 0.62, 0.5
"""Height of a bar, and of one among those of the same label."""

Part = tuple[str, str, str]
"""Name, column and colour of a part of the peak."""

_LOADED: tuple[Part, ...] = (("Baseline", "baseline_mb", PALETTE[4]), ("Weights", "weights_mb", PALETTE[0]))
# What working memory consists of where that is known, and itself.
_WORKING: tuple[tuple[Part, ...], ...] = (
    (
        ("Gradients", "gradients_mb", PALETTE[1]),
        ("Optimizer state", "optimizer_mb", PALETTE[3]),
        ("Activations", "activations_mb", PALETTE[2]),
    ),
    (("Working memory", "working_mb", PALETTE[5]),),
)


def plot_memory(results: ResultSet, *, task: str | None = None, ax: Axes | None = None) -> Axes:
    """Plot the parts of the peak memory of each case, stacked: baseline, weights and working memory.

    The baseline is the memory of interpreter and framework before the model is built.  The working memory of training
    is gradients, state of the optimizer and activations, where these are known.

    Parameters
    ----------
    results
        What to plot; the results themselves when called as a method.
    task
        One of the tasks measured; by default all.
    ax
        Axes to draw on; by default those of a new pyplot figure.

    Returns
    -------
    matplotlib.axes.Axes
        One bar per case with the peak at its end, in MB of 2^20 bytes; of several tasks, each has axes of its own, and
        the first are returned (``.figure.axes`` has all), unless `ax` is given.  If the parts are unknown (as for a
        published value), the bar is undivided; for failed cases the status is written.

    Raises
    ------
    ArgumentError
        If there is no such task, there is no case, or memory was not measured.
    """
    if task is not None and task not in results.tasks:
        raise no_such("task", task, results.tasks)
    frame = results.frame.assign(label=results.labels)
    frame = frame if task is None else frame[frame["task"] == task]
    tasks = list(dict.fromkeys(frame["task"]))
    if frame.empty:
        raise ArgumentError("There is nothing to show: the results hold no case.")
    if frame["memory_mb"].isna().all() and (frame["status"] == "ok").all():
        raise ArgumentError("There is nothing to show: memory was not measured.")
    told = heading(results, frame, SIZE_NAMES)
    if ax is None and len(tasks) > 1:
        parts = [frame[frame["task"] == each] for each in tasks]
        heights = [places_of(list(part["label"]))[-1] + 1 for part in parts]
        axes = new_panels(len(parts), height_of(max(heights)), share=False)
        for each, name, part in zip(axes, tasks, parts, strict=True):
            _draw_rows(each, part, own=True)
            set_heading(each, name.capitalize())
        finish_row_panels(axes, told)
        return axes[0]
    own = ax is None
    ax = axes_for_rows(ax, places_of(list(frame["label"]))[-1] + 1)
    _draw_rows(ax, frame, own=own)
    set_heading(ax, told)
    clean_rows(ax, own=own, legend=bool(ax.get_legend_handles_labels()[1]))
    return ax


def _draw_rows(ax: Axes, frame: pd.DataFrame, *, own: bool) -> None:
    """Draw the bar of each case, their names, and the axis."""
    places = places_of(list(frame["label"]))
    name_rows(ax, row_names(frame), own=own, places=places)
    for place, case in zip(places, frame.to_dict("records"), strict=True):
        _draw_row(ax, place, case, _BAR if places[-1] == len(places) - 1 else _THIN_BAR)
    _label_parts(ax, frame)
    high = float(frame["memory_mb"].max())
    ax.set_xlim(0, high * 1.14 if high > 0 else 1.0)
    plain_ticks(ax.xaxis, 0.0, high, log=False)
    ax.set_xlabel(METRICS["memory_mb"].axis_title)


def _draw_row(ax: Axes, row: float, case: dict[Any, Any], height: float) -> None:
    peak_mb = case["memory_mb"]
    if peak_mb != peak_mb:
        write_at(ax, 0.0, row, "no value" if case["status"] == "ok" else case["status"], failed=True)
        return
    parts, left = _parts_of(case), 0.0
    if not parts:
        ax.barh(row, peak_mb, height=height, color="white", edgecolor=GREY, hatch="////", linewidth=0.8)
    for _, column, colour in parts:
        # A part can be negative, if less memory was in use than before.
        amount_mb = max(0.0, case[column])
        ax.barh(row, amount_mb, left=left, height=height, color=colour)
        left += amount_mb
    write_at(ax, peak_mb, row, METRICS["memory_mb"].text(peak_mb))


def _parts_of(case: dict[Any, Any]) -> tuple[Part, ...]:
    """Return the parts of a case's peak from the axis outwards: the finest that are known; none if they are not."""
    for working in _WORKING:
        parts = (*_LOADED, *working)
        if all(case.get(column, math.nan) == case.get(column, math.nan) for _, column, _ in parts):
            return parts
    return ()


def _label_parts(ax: Axes, frame: pd.DataFrame) -> None:
    """Add the parts that are drawn to the legend, by empty bars."""
    measured = frame[frame["memory_mb"].notna()].to_dict("records")
    drawn = [_parts_of(case) for case in measured]
    for part in (*_LOADED, *(part for working in _WORKING for part in working)):
        is_there = any(part in parts and case[part[1]] for case, parts in zip(measured, drawn, strict=True))
        if is_there:
            ax.barh(0, 0, color=part[2], label=part[0])
    if () in drawn:
        ax.barh(0, 0, color="white", edgecolor=GREY, hatch="////", linewidth=0.8, label="Peak, parts not known")


def row_names(frame: pd.DataFrame) -> list[str]:
    """Name each row by model and sizes; only the first row of a model has its name."""
    names, before = [], None
    several_tasks = len(set(frame["task"])) > 1
    for case in frame.to_dict("records"):
        model = case["label"] + f", {case['task']}" * several_tasks
        sizes = [
            f"{name} {case[column]:g}"
            for column, name in SHORT_SIZES.items()
            if case[column] == case[column] and case[column] is not None and len(set(frame[column].dropna())) > 1
        ]
        shown = [model] if model != before or not sizes else []
        names.append(", ".join([*shown, *sizes]))
        before = model
    return names
