"""Bar charts: one bar per row, with its name beside it and its value at its end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hfbench_nb.display.plots.layout import finish, new_axes, shorten
from hfbench_nb.display.plots.style import GREY, PALETTE, clean, plain_text, plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_HEIGHT = 0.3
_EDGES_HEIGHT = 1.1
"""Heights in our figures, inches: of a row, and of the margins above and below the rows."""
_LEAST_ROWS = 3
# Width that a tick on the value axis needs, inches.
_TICK_WIDTH = 0.8
# Largest and smallest font size of row names, points; the share of the user's figure width that names may take.
_LETTERS, _LEAST_LETTERS = 9.0, 4.0
_NAMES_SHARE = 0.5


def axes_for_rows(ax: Axes | None, rows: int) -> Axes:
    """Return the axes to draw on; those of a new figure are high enough for `rows` rows."""
    return new_axes(max(1.7, _EDGES_HEIGHT + _ROW_HEIGHT * rows)) if ax is None else ax


def name_rows(ax: Axes, names: list[str], *, own: bool) -> None:
    """Write the names of the rows beside them, the first on top; in the user's figure no larger than fits."""
    size = _LETTERS
    if not own:
        row_points = 72 * ax.bbox.height / ax.figure.dpi / len(names)
        size = max(_LEAST_LETTERS, min(_LETTERS, 0.8 * row_points))
        # The width of a letter is about 0.62 of its height.
        room = int(_NAMES_SHARE * 72 * ax.bbox.width / ax.figure.dpi / (0.62 * size))
        names = [shorten(name, max(12, room)) for name in names]
    ax.set_yticks(range(len(names)), [plain_text(name) for name in names], fontsize=size)
    # A small number of rows does not stretch the rows.
    spare = max(0.0, (_LEAST_ROWS - len(names)) / 2)
    ax.set_ylim(len(names) - 0.5 + spare, -0.5 - spare)
    ax.tick_params(axis="y", length=0)


def write_at(ax: Axes, amount: float, row: int, text: str, *, failed: bool = False, left: bool = False) -> None:
    """Write a text at the end of a row's bar: its value, or why there is none."""
    size = ax.yaxis.get_ticklabels()[0].get_fontsize()
    ax.annotate(
        text, (amount, row), xytext=(-4 if left else 4, 0), textcoords="offset points", va="center_baseline",
        ha="right" if left else "left", fontsize=size, color=GREY if failed else "black",
        style="italic" if failed else "normal",
    )  # fmt: skip


def draw_bars(
    ax: Axes | None,
    rows: list[tuple[str, Any]],
    write: Callable[[float], str],
    title: str,
    *,
    reference: float | None = None,
) -> Axes:
    """Draw one bar per row, from zero or from a reference, with its 95 % interval.

    Parameters
    ----------
    ax
        Axes to draw on, or None for those of a new figure.
    rows
        Name and point (with ``value``, ``low``, ``high``, ``status``, ``task``) of each row, from top to bottom.
    write
        Formats a value with its unit.
    title
        Label of the value axis.
    reference
        Where bars start, on a logarithmic axis, to compare ratios; None to start at zero on a linear axis.
    """
    own = ax is None
    ax = axes_for_rows(ax, len(rows))
    name_rows(ax, [name for name, _ in rows], own=own)
    tasks = sorted({point["task"] for _, point in rows})
    start = 0.0 if reference is None else reference
    if reference is not None:
        ax.set_xscale("log")
    for row, (_, point) in enumerate(rows):
        value, low, high = (float(point[name]) for name in ("value", "low", "high"))
        if math.isnan(value):
            text = "no value" if point["status"] == "ok" else point["status"]
            write_at(ax, start, row, text, failed=True)
            continue
        ax.barh(row, value - start, left=start, height=0.62, color=PALETTE[tasks.index(point["task"])], alpha=0.85)
        end, below = value, value < start
        if math.isfinite(low) and math.isfinite(high):
            # Rounding must not make the width of an empty interval negative.
            width = [[max(0.0, value - low)], [max(0.0, high - value)]]
            ax.errorbar(value, row, xerr=width, color="black", elinewidth=1.2, capsize=2.5)
            # The lower bound of an interval from few samples can lie at or below zero, outside the plot.
            end = max(low, start / 10) if below else high
        write_at(ax, end, row, write(value), left=below)
    _set_axis(ax, [float(point["value"]) for _, point in rows if point["value"] == point["value"]], reference)
    ax.set_xlabel(title)
    clean_rows(ax, own=own, legend=False)
    return ax


def clean_rows(ax: Axes, *, own: bool, legend: bool) -> None:
    """Finish axes with rows: no lines between rows, and no more ticks than fit."""
    from matplotlib.ticker import MaxNLocator

    clean(ax)
    ax.grid(visible=False, axis="y")
    finish(ax, own=own, legend=legend)
    if ax.get_xscale() == "linear" and len(ax.get_xticks()):
        most = max(1, int(ax.bbox.width / ax.figure.dpi / _TICK_WIDTH))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))


def _set_axis(ax: Axes, figures: list[float], reference: float | None) -> None:
    """Leave room for the values at the ends of the bars, and set plain tick labels."""
    low, high = ax.get_xlim()
    if reference is None:
        ax.set_xlim(0, high * 1.12 if figures else 1.0)
        plain_ticks(ax.xaxis, 0.0, high, log=False)
    else:
        ax.axvline(reference, color=GREY, linewidth=1)
        room = max((high / low) ** 0.15, 1.05)
        ax.set_xlim(min(low, reference) / room, max(high, reference) * room)
        plain_ticks(ax.xaxis, *ax.get_xlim(), log=True)
    if not figures:
        ax.set_xticks([])
