"""Line-by-line memory traces whose lines are known."""

from __future__ import annotations

from hfbench_nb.protocol.line_trace import LineTrace, Place
from hfbench_nb.protocol.measurement import MEGABYTE


def example():
    places = (Place(0, 0, 3, "line", "  x = '<script>' & y"), Place(1, 0, 1, "line", "z"))
    return LineTrace(
        files=("/home/me/a <b>.py", "<cell>"), modules=("m",), places=places, steps=(0, 1, 0),
        cpu_start_bytes=100 * MEGABYTE, cpu_change_bytes=(8 * MEGABYTE, -3 * MEGABYTE, 1 * MEGABYTE),
    )  # fmt: skip
