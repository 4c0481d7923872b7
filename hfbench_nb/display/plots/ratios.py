"""Two runs compared: the ratios of their figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hfbench_nb.display.plots.curves import Series, draw
from hfbench_nb.display.plots.style import plain_text, series_names
from hfbench_nb.protocol.errors import ArgumentError, wrong_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hfbench_nb.display.comparison import Comparison

_TITLES = {"time_s": "Time", "memory_mb": "Peak memory"}


def plot_ratios(comparison: Comparison, values: str, *, log: bool, ax: Axes | None) -> Axes:
    """Draw the ratios of a comparison; see `Comparison.plot`."""
    import pandas as pd

    if values not in _TITLES:
        raise wrong_value("values", values, " or ".join(map(repr, _TITLES)))
    frame = comparison.frame.dropna(subset=["batch_size", "sequence_length"])
    if frame.empty:
        raise ArgumentError("There is nothing to show: no cell has a batch size and a sequence length.")
    ratio = "time_ratio" if values == "time_s" else "memory_ratio"
    absent = float("nan")
    points = pd.DataFrame(
        {
            "label": frame["model"],
            "task": frame["task"],
            "batch_size": frame["batch_size"].astype(int),
            "sequence_length": frame["sequence_length"].astype(int),
            "status": frame["status"].where(frame["status"] != "ok", frame["other_status"]),
            "value": frame[ratio],
            "low": frame["time_ratio_ci_low"] if values == "time_s" else absent,
            # An interval without an upper end is not drawn.
            "high": frame["time_ratio_ci_high"].replace(float("inf"), absent) if values == "time_s" else absent,
        }
    )
    groups: list[Any] = list(points.groupby(["label", "task", "batch_size"], sort=False))
    names = series_names([key for key, _ in groups], "batch_size")
    series = [
        Series(name, group.sort_values("sequence_length")) for name, (_, group) in zip(names, groups, strict=True)
    ]
    this, other = map(plain_text, comparison.names)
    return draw(
        ax, series, ratio, "sequence_length", log=log, title=f"{_TITLES[values]}, {this} / {other}", reference=1.0
    )
