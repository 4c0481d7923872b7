"""Memory along a run that was traced line by line."""

from __future__ import annotations

import itertools
from pathlib import PurePath
from typing import TYPE_CHECKING

from hfbench_nb.display.plots.layout import finish, new_axes
from hfbench_nb.display.plots.style import MARKERS, PALETTE, clean, plain_text
from hfbench_nb.protocol.records import MEGABYTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hfbench_nb.display.memory_summary import MemorySummary

# How many steps of a line-by-line summary are named.
_NAMED_STEPS = 3


def plot_summary(summary: MemorySummary, ax: Axes | None) -> Axes:
    """Draw memory along a traced run; see `MemorySummary.plot`."""
    own = ax is None
    ax = new_axes() if ax is None else ax
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
    for (i, state), colour, marker in zip(named, PALETTE[2:], MARKERS, strict=False):
        name = "GPU" if state.gpu.bytes > state.cpu.bytes else "CPU"
        place = f"{PurePath(state.frame.filename).name}:{state.frame.line_number}"
        label = plain_text(f"{place}: +{state.cpu_gpu.bytes / MEGABYTE:,.1f} MB")
        ax.plot(
            i + 1, above_start_mb[name][i + 1], marker=marker, color=colour, linestyle="none", label=plain_text(label)
        )
    ax.set_xlabel("Step of the run (traced lines)")
    ax.set_ylabel("Memory above the start (MB)")
    clean(ax)
    finish(ax, own=own)
    return ax
