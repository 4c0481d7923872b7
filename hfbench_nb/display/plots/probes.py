"""The probes of a search: memory against size, with the limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hfbench_nb.analysis.largest import Found, Hunt, needed_mb
from hfbench_nb.display.plots.layout import finish, new_axes
from hfbench_nb.display.plots.style import GREY, MARKERS, PALETTE, clean, plain_text, plain_ticks
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.units import format_memory
from hfbench_nb.results.curve_frame import axis_title
from hfbench_nb.results.metrics import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_probes(groups: Sequence[Found], hunt: Hunt, names: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Plot what each probe needed against its size, one line per group, the limit, and the largest that fits, filled.

    Parameters
    ----------
    groups
        The probes of each group.
    hunt
        What was looked for.
    names
        The groups' names.
    ax
        Axes to draw on; by default those of a new pyplot figure.

    Raises
    ------
    ArgumentError
        If no probe was measured.
    """
    own = ax is None
    ax = new_axes(4.2) if ax is None else ax
    of = hunt.size.of
    drawn = []
    for i, (found, name) in enumerate(zip(groups, names, strict=True)):
        needed = [(of(row.case), needed_mb(row.measurement)) for row in found.probes]
        points = [(size, mb) for size, mb in needed if mb is not None]
        if not points:
            continue
        drawn += points
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
        size = None if found.largest is None else of(found.largest.case)
        # In the legend: beside the points, the sizes of models that are alike would cover each other.
        label = plain_text(f"{name} ({'none fits' if size is None else f'largest: {size:,}'})")
        ax.plot(*zip(*points, strict=True), color=colour, marker=marker, markerfacecolor="white", label=label)
        if size is not None:
            ax.plot([size], [dict(points)[size]], color=colour, marker=marker, linestyle="none")
    if not drawn:
        raise ArgumentError("There is nothing to show: no probe was measured.")
    ax.axhline(
        hunt.limit_mb, color="black", linewidth=1.2, linestyle="--", label=f"Limit, {format_memory(hunt.limit_mb)}"
    )
    ax.set_xscale("log", base=2)
    sizes, amounts = [size for size, _ in drawn], [mb for _, mb in drawn]
    ax.set_ylim(0, max(*amounts, hunt.limit_mb) * 1.08)
    plain_ticks(ax.xaxis, min(sizes), max(sizes), log=True)
    plain_ticks(ax.yaxis, 0.0, ax.get_ylim()[1], log=False)
    ax.set_xlabel(axis_title(hunt.what))
    ax.set_ylabel(METRICS["memory_mb"].axis_title)
    ax.grid(color=GREY, alpha=0.25)
    clean(ax)
    finish(ax, own=own, legend=True)
    return ax
