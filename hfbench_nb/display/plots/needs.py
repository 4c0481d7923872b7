"""What cases need as stacked bars, with a budget as a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hfbench_nb.analysis.budgets import Budget
from hfbench_nb.analysis.needs import PARTS, Needs
from hfbench_nb.display.plots.bars import axes_for_rows, clean_rows, name_rows, write_at
from hfbench_nb.display.plots.style import PALETTE, plain_ticks
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.units import format_memory
from hfbench_nb.results.result_set import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_needs(rows: Sequence[tuple[Row, Needs | None]], budget: Budget | None, *, ax: Axes | None = None) -> Axes:
    """Plot what each case needs, stacked by what it is for, in MB of 2^20 bytes.

    Parameters
    ----------
    rows
        The cases, and what they need; None for one that could not be estimated.
    budget
        The memory that they should fit into, drawn as a line; None for no line.
    ax
        Axes to draw on; by default those of a new pyplot figure.

    Raises
    ------
    ArgumentError
        If no case could be estimated.
    """
    known = [needs for _, needs in rows if needs is not None]
    if not known:
        raise ArgumentError("There is nothing to show: no case could be estimated.")
    own = ax is None
    ax = axes_for_rows(ax, len(rows))
    name_rows(ax, [str(row) for row, _ in rows], own=own)
    colours = dict(zip(PARTS, PALETTE, strict=False))
    for place, (_, needs) in enumerate(rows):
        if needs is None:
            write_at(ax, 0.0, place, "not estimated", failed=True)
            continue
        left = 0.0
        for name, amount in needs.parts_mb.items():
            ax.barh(place, amount, left=left, height=0.62, color=colours[name])
            left += amount
        verdict = "" if budget is None else f", {budget.fits(needs.total_mb)}"
        write_at(ax, left, place, format_memory(needs.total_mb) + verdict)
    for name, title in PARTS.items():
        if any(needs.parts_mb[name] > 0 for needs in known):
            ax.barh(0, 0, color=colours[name], label=title)
    high = max([needs.total_mb for needs in known] + ([] if budget is None else [budget.mb]))
    if budget is not None:
        ax.axvline(
            budget.mb, color="black", linewidth=1.2, linestyle="--", label=str(budget) if budget.name else "Budget"
        )
    ax.set_xlim(0, high * 1.2)
    plain_ticks(ax.xaxis, 0.0, high, log=False)
    ax.set_xlabel("Memory of the tensors (MB)")
    clean_rows(ax, own=own, legend=True)
    return ax
