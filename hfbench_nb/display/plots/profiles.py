"""Where the time of calls goes, as stacked bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hfbench_nb.analysis.spending import Total, by_group, call_s, scale_of
from hfbench_nb.display.plots.bars import axes_for_rows, clean_rows, name_rows, places_of, write_at
from hfbench_nb.display.plots.headings import heading
from hfbench_nb.display.plots.layout import set_heading
from hfbench_nb.display.plots.memory_bars import row_names
from hfbench_nb.display.plots.style import GREY, PALETTE, plain_ticks
from hfbench_nb.protocol import profile
from hfbench_nb.protocol.case import SIZE_NAMES
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.units import format_time, time_unit
from hfbench_nb.results.result_set import ResultSet, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {
    profile.EMBEDDINGS: PALETTE[4],
    profile.ATTENTION: PALETTE[0],
    profile.MIXING: PALETTE[3],
    profile.FEED_FORWARD: PALETTE[1],
    profile.NORMS: PALETTE[2],
    profile.HEAD: PALETTE[5],
    profile.OPTIMIZER: PALETTE[6],
    profile.OTHER: PALETTE[7],
    profile.IDLE: "white",
}
_DARK = frozenset({PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[6]})
"""Colours on which text is white."""
_BAR = 0.62
_FILLED = 0.85
"""Largest share of the width of a part that what is written on it may take."""
_GAP = 0.12
"""Room beside the times at the ends of the bars, inches."""


class _Share(NamedTuple):
    """What may be written on a part of a bar, and where the part is."""

    text: str
    left: float
    width: float
    place: float
    colour: str


def plot_profiles(results: ResultSet, *, absolute: bool = False, ax: Axes | None = None) -> Axes:
    """Plot where the time of each case goes: one bar per case, stacked by groups of modules (``profile=True``).

    Parameters
    ----------
    results
        What to plot; the results themselves when called as a method.
    absolute
        Whether bars are as long as calls take: the shares of the traced call, of the median of those that were not
        traced.  By default all bars are equally long.
    ax
        Axes to draw on; by default those of a new pyplot figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the time of a call at the end of each bar.

    Raises
    ------
    ArgumentError
        If no case has a profile.
    """
    kept = [i for i, (_, measurement) in enumerate(results.entries) if measurement.profile is not None]
    if not kept:
        raise ArgumentError("There is nothing to show: no case has a profile; profile=True takes them (PyTorch).")
    rows = [row for row in results.rows if row.measurement.profile is not None]
    frame = results.frame.assign(label=results.labels).iloc[kept]
    own = ax is None
    places = places_of([row.label for row in rows])
    ax = axes_for_rows(ax, places[-1] + 1)
    name_rows(ax, row_names(frame), own=own, places=places)
    totals = [_totals(row) for row in rows]
    scale, unit = time_unit([call_s(row) for row in rows]) if absolute else (0.01, "%")
    factors = [
        (scale_of(row) if absolute else 1 / _sum(of_row)) / scale for row, of_row in zip(rows, totals, strict=True)
    ]
    longest = max(_sum(of_row) * factor for of_row, factor in zip(totals, factors, strict=True))
    shares: list[_Share] = []
    for place, row, of_row, factor in zip(places, rows, totals, factors, strict=True):
        shares += _draw_bar(ax, place, of_row, factor)
        write_at(ax, _sum(of_row) * factor, place, format_time(call_s(row)))
    drawn = {total.name for of_row in totals for total in of_row}
    for name in (name for name in profile.GROUPS if name in drawn):
        ax.barh(0, 0, label=name.capitalize(), **_look(name))
    ax.set_xlim(0, longest * 1.2)
    plain_ticks(ax.xaxis, 0.0, longest, log=False)
    ax.set_xlabel(f"Time of a call ({unit})" if absolute else "Share of a call (%)")
    set_heading(ax, heading(results, frame, SIZE_NAMES))
    clean_rows(ax, own=own, legend=True)
    _make_room(ax, longest)
    _write_shares(ax, shares)
    return ax


def _totals(row: Row) -> list[Total]:
    assert row.measurement.profile is not None
    return [total for total in by_group(row.measurement.profile) if total.self_s > 0]


def _sum(totals: list[Total]) -> float:
    return sum(total.self_s for total in totals) or 1.0


def _look(name: str) -> dict[str, Any]:
    if name == profile.IDLE:
        return {"color": "white", "edgecolor": GREY, "hatch": "////", "linewidth": 0.8}
    return {"color": _COLOURS[name]}


def _draw_bar(ax: Axes, place: float, totals: list[Total], factor: float) -> list[_Share]:
    """Draw the bar of a case; return the share of each part, and where it can be written."""
    left, whole, shares = 0.0, _sum(totals), []
    for total in totals:
        width = total.self_s * factor
        ax.barh(place, width, left=left, height=_BAR, **_look(total.name))
        colour = "white" if _COLOURS[total.name] in _DARK else "black"
        shares.append(_Share(f"{100 * total.self_s / whole:.0f} %", left, width, place, colour))
        left += width
    return shares


def _make_room(ax: Axes, longest: float) -> None:
    """Let the axis end behind the times at the ends of the bars."""
    widest = max(text.get_window_extent().width for text in ax.texts)
    left_for_bars = max(0.3, 1 - (widest + _GAP * ax.figure.dpi) / ax.bbox.width)
    ax.set_xlim(0, longest / left_for_bars)


def _write_shares(ax: Axes, shares: list[_Share]) -> None:
    """Write the shares of the parts on those that are wide enough."""
    size = 0.85 * float(ax.yaxis.get_ticklabels()[0].get_fontsize())
    start = ax.transData.transform((0.0, 0.0))[0]
    for share in shares:
        text = ax.annotate(
            share.text, (share.left + share.width / 2, share.place), ha="center", va="center_baseline", fontsize=size,
            color=share.colour,
        )  # fmt: skip
        if text.get_window_extent().width > _FILLED * (ax.transData.transform((share.width, 0.0))[0] - start):
            text.remove()
