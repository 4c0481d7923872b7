"""What is drawn as lines: series, in one or several panels, with their styles and labels."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hfbench_nb.display.plots.style import PALETTE, series_styles
from hfbench_nb.display.table_parts import TOO_NOISY, USELESS_SHARE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Number of places of failed cases that a legend names, and of the lines of one label that are told apart.
_PLACES_NAMED, _MOST_OF_LABEL = 3, 4


@dataclass(frozen=True)
class Series:
    """One line: its name, its points (columns of `make_curve_frame`), and its fitted curve if one is drawn.

    Attributes
    ----------
    label
        What has a colour: the model with its settings.
    distinction
        What distinguishes it from others of the label; empty where nothing does.
    points
        Its points, in the order along the axis.
    curve
        Returns the metric at sequence lengths.
    """

    label: str
    distinction: str
    points: pd.DataFrame
    curve: Callable[[Any], Any] | None = None

    @property
    def name(self) -> str:
        """Its name in the legend."""
        return ", ".join(filter(None, [self.label, self.distinction]))

    @property
    def last_value(self) -> float:
        """The value at the last place; NaN for a line without values."""
        good = self.points["value"].dropna()
        return float(good.iloc[-1]) if len(good) else math.nan


@dataclass(frozen=True)
class Look:
    """What a plot shows, and how.

    Attributes
    ----------
    text
        Formats a value with its unit.
    title
        Label of the metric's axis.
    along
        The column to draw against.
    log
        Logarithmic axes.
    reference
        A value to compare with, drawn as a line across; bars start at it.
    heading
        What is said above the plot.
    higher_is_better
        Whether higher values are better.
    top
        How many labels have colours, the best at the last place; None for as many as there are colours.
    """

    text: Callable[[float], str]
    title: str
    along: str
    log: bool
    reference: float | None = None
    heading: str = ""
    higher_is_better: bool = False
    top: int | None = None


@dataclass
class Panel:
    """One of the axes, with its lines and their styles."""

    ax: Axes
    series: Sequence[Series]
    title: str = ""
    styles: list[dict[str, Any]] = field(default_factory=list)


def set_styles(panels: list[Panel], look: Look, last: int) -> None:
    """Choose the styles of all lines: a label has the same colour everywhere, and of many only the best have one.

    The best are so at the last place, and have a value there.
    """
    of_panels = [Counter(line.label for line in panel.series) for panel in panels]
    labels = {label for counts in of_panels for label in counts}
    by_label = len(labels) > 1 and max(max(counts.values()) for counts in of_panels) <= _MOST_OF_LABEL
    keyed = [(line.label if by_label else line.name, line) for panel in panels for line in panel.series]
    ends: dict[str, list[float]] = {key: [] for key, _ in keyed}
    lacking: Counter[str] = Counter()
    for key, line in keyed:
        values = line.points.loc[line.points[look.along] == last, "value"].dropna()
        if len(values) and values.iloc[0] > 0:
            ends[key].append(math.log(values.iloc[0]) * (-1 if look.higher_is_better else 1))
        else:
            lacking[key] += 1
    most = look.top if look.top is not None else len(PALETTE) if len(ends) <= len(PALETTE) else len(PALETTE) - 1
    best = sorted(ends, key=lambda key: (lacking[key], statistics.fmean(ends[key]) if ends[key] else math.inf))[:most]
    names = [[name for name in ends if (name in best) is is_best] for is_best in (True, False)]
    for panel in panels:
        keys = [line.label if by_label else line.name for line in panel.series]
        panel.styles = series_styles(keys, *names)


def is_too_noisy(points: pd.DataFrame) -> pd.Series[bool]:
    """Return which points have an interval that says nothing."""
    return (points["high"] - points["low"]) / 2 > USELESS_SHARE * points["value"].abs()


def failed_of(line: Series) -> pd.DataFrame:
    """Return the points of cases that failed."""
    return line.points[line.points["value"].isna() & (line.points["status"] != "ok")]


def labels_of(panels: Sequence[Panel], along: str) -> dict[str, str]:
    """Return the label of each line by its name, with the places of cases that failed or are too noisy."""
    told: dict[str, dict[str, list[str]]] = {}
    for panel in panels:
        for line in panel.series:
            told.setdefault(line.name, {}).setdefault(_remarks(line, along), []).append(panel.title.lower())
    labels = {}
    for name, titles in told.items():
        remarks = [
            f"{' and '.join(of)}: {remark}" if len(titles) > 1 else remark for remark, of in titles.items() if remark
        ]
        labels[name] = f"{name} ({'; '.join(remarks)})" if remarks else name
    return labels


def _remarks(line: Series, along: str) -> str:
    noisy = line.points[is_too_noisy(line.points)]
    groups = [*failed_of(line).groupby("status", sort=False), *([(TOO_NOISY, noisy)] if len(noisy) else [])]
    told = [
        f"{status} at {', '.join(map(str, places[:_PLACES_NAMED]))}" + ", …" * (len(places) > _PLACES_NAMED)
        for status, group in groups
        for places in [group[along].tolist()]
    ]
    return ", ".join(told)
