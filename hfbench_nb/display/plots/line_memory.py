"""Plotting memory along a run that was traced line by line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from hfbench_nb.display.plots.layout import finish, new_axes
from hfbench_nb.display.plots.style import MARKERS, PALETTE, clean, plain_text
from hfbench_nb.protocol.measurement import MEGABYTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Number of steps that are named.
_NAMED_STEPS = 3
# What is less is not shown in MB.
_LEAST_MB = 0.1


Step = tuple[str, int, int, int]
"""A step of a run: file, line, and what it added to the memory of the CPU and of GPUs, bytes."""


def plot_memory_line(steps: Sequence[Step], ax: Axes | None) -> Axes:
    """Draw memory along a traced run; the lines that added most are named."""
    own = ax is None
    ax = new_axes() if ax is None else ax
    amounts = {"CPU": [cpu_bytes for *_, cpu_bytes, _ in steps], "GPU": [gpu_bytes for *_, gpu_bytes in steps]}
    above_start_mb = {
        name: [total / MEGABYTE for total in itertools.accumulate(changes, initial=0)]
        for name, changes in amounts.items()
        if name == "CPU" or any(changes)
    }
    for (name, values_mb), colour in zip(above_start_mb.items(), PALETTE, strict=False):
        ax.step(range(len(steps) + 1), values_mb, where="post", label=name, color=colour, linewidth=1.6)
    largest = sorted(enumerate(steps), key=lambda step: step[1][2] + step[1][3], reverse=True)
    named = [(i, step) for i, step in largest[:_NAMED_STEPS] if step[2] + step[3] > 0]
    for (i, (file, line, cpu_bytes, gpu_bytes)), colour, marker in zip(named, PALETTE[2:], MARKERS, strict=False):
        name = "GPU" if gpu_bytes > cpu_bytes else "CPU"
        label = f"{PurePath(file).name}:{line}: +{_amount(cpu_bytes + gpu_bytes)}"
        ax.plot(
            i + 1, above_start_mb[name][i + 1], marker=marker, color=colour, linestyle="none", label=plain_text(label)
        )
    ax.set_xlabel("Step of the run (traced lines)")
    ax.set_ylabel("Memory above the start (MB)")
    clean(ax)
    finish(ax, own=own)
    return ax


def _amount(added_bytes: int) -> str:
    """Return an amount of memory with its unit: pages have some kilobytes."""
    is_large = added_bytes >= _LEAST_MB * MEGABYTE
    return f"{added_bytes / MEGABYTE:,.1f} MB" if is_large else f"{added_bytes / 1024:,.0f} kB"
