"""Cases on the roofline of their machine: what they achieve against what they compute per byte that they move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.machine_peaks import Roof, roofs_of
from hfbench_nb.display.plots.headings import heading
from hfbench_nb.display.plots.layout import finish, new_axes, set_heading
from hfbench_nb.display.plots.style import GREY, clean, line_style, plain_text, plain_ticks, series_names
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.rendering.units import format_flops, format_number
from hfbench_nb.results.curve_frame import other_sizes
from hfbench_nb.results.metrics import METRICS
from hfbench_nb.results.result_set import ResultSet, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROOF_LINES = ("-", "--", "-.", ":")
# Where the name of a point is tried, one after the other: offset in points, and how the text is aligned.
_PLACES = (
    ((0, 6), "center", "bottom"), ((0, -6), "center", "top"), ((7, 0), "left", "center"), ((-7, 0), "right", "center"),
    ((6, 6), "left", "bottom"), ((-6, 6), "right", "bottom"), ((6, -6), "left", "top"), ((-6, -6), "right", "top"),
)  # fmt: skip
# How far the axes go beyond the points, as a factor.
_BEYOND = 2.0


def plot_roofline(results: ResultSet, *, ax: Axes | None = None) -> Axes:
    """Plot cases on the roofline of the machine, both axes logarithmic.

    Across: floating-point operations per byte that the operations of a call read and write.  Up: operations per second.
    The roof is what the machine can do at most, as measured, and for well-known GPUs as published: on its slope, the
    bandwidth of the memory limits; on its flat part, the arithmetic does.  A case above the slope is served by caches,
    or runs compiled code that keeps in registers what separate operations would write and read.

    Parameters
    ----------
    results
        What to plot; the results themselves when called as a method.
    ax
        Axes to draw on; by default those of a new pyplot figure.

    Raises
    ------
    ArgumentError
        If it is of no case known what it computes and moves and how long it takes.

    References
    ----------
    S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore
    architectures", Communications of the ACM 52 (2009) 65-76.
    """
    import pandas as pd

    found = [(row, place) for row in results.rows if (place := _place_of(row)) is not None]
    if not found:
        raise ArgumentError(
            "There is nothing to show: no case has both a number of FLOPs and a time (PyTorch, speed=True)."
        )
    rows, places = [row for row, _ in found], [place for _, place in found]
    along = _along(rows)
    sizes = other_sizes(along)
    keys = [(row.label, row.case.task, *(getattr(row.case, name) for name in sizes)) for row in rows]
    names = dict(zip(dict.fromkeys(keys), series_names(list(dict.fromkeys(keys)), sizes), strict=True))
    own = ax is None
    ax = new_axes() if ax is None else ax
    roofs = roofs_of(results)
    _draw_roofs(ax, roofs, places)
    told: list[tuple[tuple[float, float], str, str]] = []
    for number, (key, name) in enumerate(names.items()):
        line = sorted(
            (getattr(row.case, along), place) for row, place, of in zip(rows, places, keys, strict=True) if of == key
        )
        style = line_style(number)
        ax.plot(*zip(*(place for _, place in line), strict=True), **{**style, "linewidth": 0.8}, label=plain_text(name))
        told += [(place, f"{size}", style["color"]) for size, place in line if len(line) > 1]
    ax.set_xlabel("FLOP per byte read or written")
    ax.set_ylabel(METRICS["gflops_per_s"].axis_title)
    cases = pd.DataFrame([row.case.identity for row in rows])
    words = f"; numbers: {along.replace('_', ' ')}" if told else ""
    set_heading(ax, heading(results, cases, sizes) + words)
    clean(ax)
    finish(ax, own=own, legend=True)
    _write_names(ax, places, told)
    return ax


def _place_of(row: Row) -> tuple[float, float] | None:
    """Return operations per byte, and 10^9 operations per second; None where they are not known."""
    flops, moved_mb, rate = (
        METRICS[name].of(row.case, row.measurement) for name in ("flops", "moved_mb", "gflops_per_s")
    )
    if not (flops > 0 and moved_mb > 0 and rate > 0):
        return None
    return flops / (moved_mb * MEGABYTE), rate


def _along(rows: Sequence[Row]) -> str:
    """Return the size by which the points of a line differ."""
    return "sequence_length" if len({row.case.sequence_length for row in rows}) > 1 else "batch_size"


def _draw_roofs(ax: Axes, roofs: Sequence[Roof], places: Sequence[tuple[float, float]]) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ridges = [roof.peaks.gflops_per_s.best / roof.peaks.gb_per_s.best for roof in roofs]
    low = min(place[0] for place in places) / _BEYOND
    high = max(*(place[0] for place in places), *ridges, low) * _BEYOND
    tops = [0.0]
    for number, roof in enumerate(roofs):
        line = _ROOF_LINES[number % len(_ROOF_LINES)]
        rate, bandwidth = roof.peaks.gflops_per_s.best, roof.peaks.gb_per_s.best
        told = f"{roof}: {format_flops(rate * 1e9)}FLOP/s, {format_number(bandwidth)} GB/s"
        tops.append(_draw_roof(ax, rate, bandwidth, low, high, color="black", linestyle=line, label=plain_text(told)))
        if not math.isnan(roof.published_gflops_per_s):
            rate, bandwidth = roof.published_gflops_per_s, roof.published_gb_per_s
            told = f"published: {format_flops(rate * 1e9)}FLOP/s, {format_number(bandwidth)} GB/s"
            tops.append(_draw_roof(ax, rate, bandwidth, low, high, color=GREY, linestyle=line, label=plain_text(told)))
    bottom = min(place[1] for place in places) / _BEYOND
    top = max(*(place[1] for place in places), *tops) * _BEYOND
    ax.set_xlim(low, high)
    ax.set_ylim(bottom, top)
    plain_ticks(ax.xaxis, low, high, log=True)
    plain_ticks(ax.yaxis, bottom, top, log=True)


def _draw_roof(ax: Axes, rate: float, bandwidth: float, low: float, high: float, **style: Any) -> float:
    ridge = rate / bandwidth
    corners = [low, *([ridge] if low < ridge < high else []), high]
    ax.plot(corners, [min(rate, bandwidth * each) for each in corners], linewidth=1.2, zorder=1.2, **style)
    return rate


def _write_names(
    ax: Axes, places: Sequence[tuple[float, float]], told: Sequence[tuple[tuple[float, float], str, str]]
) -> None:
    """Write a name beside each point, where none covers another or a point; one without room is left out."""
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import Bbox

    if told:
        ax.figure.draw_without_rendering()  # type: ignore[union-attr] # settles the layout
    points = [
        Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in (ax.transData.transform(place).tolist() for place in places)
    ]
    taken: list[Any] = []
    for place, name, colour in told:
        for offset, horizontal, vertical in _PLACES:
            text = ax.annotate(
                name, place, xytext=offset, textcoords="offset points", ha=horizontal, va=vertical, fontsize=7.5,
                color=colour, path_effects=[withStroke(linewidth=2, foreground="white")],
            )  # fmt: skip
            box = text.get_window_extent().padded(2)
            if not any(box.overlaps(other) for other in (*taken, *points)):
                taken.append(box)
                break
            text.remove()
