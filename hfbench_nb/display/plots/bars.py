"""Bar charts: one bar per row, with its name beside it and its value at its end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hfbench_nb.display.plots.layout import finish, finish_panels, new_axes, new_panels, set_heading
from hfbench_nb.display.plots.shortening import shorten_all
from hfbench_nb.display.plots.style import GREY, PALETTE, clean, plain_text, plain_ticks
from hfbench_nb.display.table_parts import TOO_NOISY, USELESS_SHARE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_HEIGHT = 0.3
_EDGES_HEIGHT = 1.1
"""Heights in our figures, inches: of a row, and of the margins above and below the rows."""
_LEAST_ROWS = 3
_BAR = 0.62
"""Height of a bar where rows are one apart."""
_IN_GROUP, _BETWEEN_GROUPS = 0.66, 1.1
"""Distance of the rows of one label, and of two, where labels have several."""
# Width that a tick on the value axis needs, inches.
_TICK_WIDTH = 0.8
# Largest and smallest font size of row names, points; the share of the user's figure width that names may take.
_LETTERS, _LEAST_LETTERS = 9.0, 4.0
_NAMES_SHARE = 0.5


def axes_for_rows(ax: Axes | None, rows: float) -> Axes:
    """Return the axes to draw on; those of a new figure are high enough for `rows` rows."""
    return new_axes(height_of(rows)) if ax is None else ax


def height_of(rows: float) -> float:
    """Return the height of a figure with rows, inches."""
    return max(1.7, _EDGES_HEIGHT + _ROW_HEIGHT * rows)


def places_of(labels: Sequence[str]) -> list[float]:
    """Return the place of each row: those of one label are close together where a label has several."""
    if len(set(labels)) == len(labels):
        return [float(row) for row in range(len(labels))]
    places = [0.0]
    for before, label in itertools.pairwise(labels):
        places.append(places[-1] + (_IN_GROUP if label == before else _BETWEEN_GROUPS))
    return places


def name_rows(ax: Axes, names: list[str], *, own: bool, places: Sequence[float] | None = None) -> None:
    """Write the names of the rows beside them, the first on top; in the user's figure no larger than fits."""
    places = range(len(names)) if places is None else places
    size = _LETTERS
    if not own:
        row_points = 72 * ax.bbox.height / ax.figure.dpi / len(names)
        size = max(_LEAST_LETTERS, min(_LETTERS, 0.8 * row_points))
        # The width of a letter is about 0.62 of its height.
        room = int(_NAMES_SHARE * 72 * ax.bbox.width / ax.figure.dpi / (0.62 * size))
        names = shorten_all(names, max(12, room))
    ax.set_yticks(places, [plain_text(name) for name in names], fontsize=size)
    # A small number of rows does not stretch the rows.
    spare = max(0.0, (_LEAST_ROWS - len(names)) / 2)
    ax.set_ylim(places[-1] + 0.5 + spare, -0.5 - spare)
    ax.tick_params(axis="y", length=0)


def write_at(ax: Axes, amount: float, row: float, text: str, *, failed: bool = False, left: bool = False) -> None:
    """Write a text at the end of a row's bar: its value, or why there is none."""
    size = ax.yaxis.get_ticklabels()[0].get_fontsize()
    ax.annotate(
        text, (amount, row), xytext=(-4 if left else 4, 0), textcoords="offset points", va="center_baseline",
        ha="right" if left else "left", fontsize=size, color=GREY if failed else "black",
        style="italic" if failed else "normal",
    )  # fmt: skip


def draw_bars(
    ax: Axes | None,
    rows: Sequence[tuple[str, str, Any]],
    write: Callable[[float], str],
    title: str,
    *,
    reference: float | None = None,
    heading: str = "",
) -> Axes:
    """Draw one bar per row, from zero or from a reference, with its 95 % interval.

    Parameters
    ----------
    ax
        Axes to draw on, or None for those of a new figure.
    rows
        Name, label and point (with ``value``, ``low``, ``high``, ``status``, ``task``) of each row, from top to bottom.
    write
        Formats a value with its unit.
    title
        Label of the value axis.
    reference
        Where bars start, on a logarithmic axis, to compare ratios; None to start at zero on a linear axis.
    heading
        What is said above the plot.
    """
    own = ax is None
    places = places_of([label for _, label, _ in rows])
    ax = axes_for_rows(ax, places[-1] + 1)
    name_rows(ax, [name for name, *_ in rows], own=own, places=places)
    _paint(ax, rows, places, write, reference)
    ax.set_xlabel(title)
    set_heading(ax, heading)
    clean_rows(ax, own=own, legend=False)
    return ax


def bar_panels(
    panels: Sequence[tuple[str, Sequence[tuple[str, str, Any]]]],
    write: Callable[[float], str],
    title: str,
    *,
    heading: str,
) -> Axes:
    """Draw the bars of several groups in a new figure, each with its title on axes of its own; return the first."""
    places = [places_of([label for _, label, _ in rows]) for _, rows in panels]
    axes = new_panels(len(panels), height_of(max(of_panel[-1] + 1 for of_panel in places)), share=False)
    for ax, (of_panel, rows), at in zip(axes, panels, places, strict=True):
        name_rows(ax, [name for name, *_ in rows], own=True, places=at)
        _paint(ax, rows, at, write, None)
        ax.set_xlabel(title)
        set_heading(ax, of_panel)
    finish_row_panels(axes, heading)
    return axes[0]


def finish_row_panels(axes: list[Axes], heading: str) -> None:
    """Finish panels with rows: the same scale, and names only once where they are the same."""
    names = [[text.get_text() for text in ax.get_yticklabels()] for ax in axes]
    high = max(ax.get_xlim()[1] for ax in axes)
    for ax, of_panel in zip(axes, names, strict=True):
        ax.set_xlim(0, high)
        clean(ax)
        ax.grid(visible=False, axis="y")
        if ax is not axes[0] and of_panel == names[0]:
            ax.set_yticklabels([])
    finish_panels(axes, heading)
    for ax in axes:
        _fit_ticks(ax)


def _paint(
    ax: Axes,
    rows: Sequence[tuple[str, str, Any]],
    places: Sequence[float],
    write: Callable[[float], str],
    reference: float | None,
) -> None:
    """Draw the bars, their intervals and their values, and set the axis."""
    tasks = sorted({point["task"] for *_, point in rows})
    height = _BAR if len(rows) == 1 else _BAR * min(1.0, *(b - a for a, b in itertools.pairwise(places)))
    start = 0.0 if reference is None else reference
    if reference is not None:
        ax.set_xscale("log")
    for row, (*_, point) in zip(places, rows, strict=True):
        value, low, high = (float(point[name]) for name in ("value", "low", "high"))
        if math.isnan(value):
            text = "no value" if point["status"] == "ok" else point["status"]
            write_at(ax, start, row, text, failed=True)
            continue
        ax.barh(row, value - start, left=start, height=height, color=PALETTE[tasks.index(point["task"])], alpha=0.85)
        end, below = value, value < start
        if math.isfinite(low) and math.isfinite(high) and (high - low) / 2 <= USELESS_SHARE * value:
            # Rounding must not make the width of an empty interval negative.
            width = [[max(0.0, value - low)], [max(0.0, high - value)]]
            ax.errorbar(value, row, xerr=width, color="black", elinewidth=1.2, capsize=2.5)
            # The lower bound of an interval from few samples can lie at or below zero, outside the plot.
            end = max(low, start / 10) if below else high
            write_at(ax, end, row, write(value), left=below)
        else:
            noisy = f" ({TOO_NOISY})" if math.isfinite(low) and math.isfinite(high) else ""
            write_at(ax, end, row, write(value) + noisy, left=below)
    _set_axis(ax, [float(point["value"]) for *_, point in rows if point["value"] == point["value"]], reference)


def clean_rows(ax: Axes, *, own: bool, legend: bool) -> None:
    """Finish axes with rows: no lines between rows, and no more ticks than fit."""
    clean(ax)
    ax.grid(visible=False, axis="y")
    finish(ax, own=own, legend=legend)
    _fit_ticks(ax)


def _fit_ticks(ax: Axes) -> None:
    """Put no more ticks on the value axis than fit."""
    from matplotlib.ticker import MaxNLocator

    if ax.get_xscale() == "linear" and len(ax.get_xticks()):
        most = max(1, int(ax.bbox.width / ax.figure.dpi / _TICK_WIDTH))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))


def _set_axis(ax: Axes, values: list[float], reference: float | None) -> None:
    """Leave room for the values at the ends of the bars, and set plain tick labels."""
    low, high = ax.get_xlim()
    if reference is None:
        ax.set_xlim(0, high * 1.12 if values else 1.0)
        plain_ticks(ax.xaxis, 0.0, high, log=False)
    else:
        ax.axvline(reference, color=GREY, linewidth=1)
        room = max((high / low) ** 0.15, 1.05)
        ax.set_xlim(min(low, reference) / room, max(high, reference) * room)
        plain_ticks(ax.xaxis, *ax.get_xlim(), log=True)
    if not values:
        ax.set_xticks([])
