"""Two runs compared: the ratios of their metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hfbench_nb.display.plots.headings import heading_of_ratios
from hfbench_nb.display.plots.lines import draw
from hfbench_nb.display.plots.series import Look, Series
from hfbench_nb.display.plots.style import distinctions, plain_text
from hfbench_nb.protocol.case import SHOWN, SIZE_NAMES
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.units import format_ratio
from hfbench_nb.results.curve_frame import curve_keys, other_sizes
from hfbench_nb.results.metrics import Metric

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_ratios(frame: pd.DataFrame, metric: Metric, names: tuple[str, str], *, log: bool, ax: Axes | None) -> Axes:
    """Draw the ratios of a comparison.

    Parameters
    ----------
    frame
        As returned by `hfbench_nb.Comparison.frame`.
    metric
        The compared metric.
    names
        Names of the two runs.
    log
        Logarithmic axes.
    ax
        Axes to draw on, or None for those of a new figure.

    Raises
    ------
    ArgumentError
        If no case has sizes.
    """
    frame = frame.dropna(subset=[*SIZE_NAMES])
    if frame.empty:
        raise ArgumentError("There is nothing to show: no case has a batch size and a sequence length.")
    absent, ratio = float("nan"), f"{metric.stem}_ratio"
    points = frame[[*SHOWN]].rename(columns={"model": "label"})
    points = points.astype(dict.fromkeys(SIZE_NAMES, int)).assign(
        status=frame["status"].where(frame["status"] != "ok", frame["other_status"]),
        value=frame[ratio],
        low=frame[f"{ratio}_ci_low"],
        # An interval without an upper end is not drawn.
        high=frame[f"{ratio}_ci_high"].replace(float("inf"), absent),
    )
    groups: list[Any] = list(points.groupby(curve_keys(), sort=False))
    told = distinctions([key for key, _ in groups], other_sizes("sequence_length"))
    series = [
        Series(key[0], ", ".join(words), group.sort_values("sequence_length"))
        for words, (key, group) in zip(told, groups, strict=True)
    ]
    this, other = map(plain_text, names)
    title = f"{metric.title}, {this} / {other}"
    look = Look(
        format_ratio, title, "sequence_length", log, reference=1.0, heading=heading_of_ratios(points),
        higher_is_better=metric.higher_is_better,
    )  # fmt: skip
    return draw(ax, series, look)
