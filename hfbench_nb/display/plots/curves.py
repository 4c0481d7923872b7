"""Curves: a metric against sequence length, batch size or another axis of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.scaling import scaling
from hfbench_nb.display.plots.bars import draw_bars
from hfbench_nb.display.plots.layout import finish, new_axes
from hfbench_nb.display.plots.style import GREY, clean, line_style, plain_text, plain_ticks, series_names, ticks_at
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.points import axis_title, make_points
from hfbench_nb.results.result_set import ResultSet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from hfbench_nb.analysis.fits import Fit

# How far a fitted curve is drawn beyond the last point.
_BEYOND = 1.25
# Values that differ by less than this factor are drawn as nearly flat lines.
_FLAT = 1.05
# Number of places of failed cases that a legend names.
_PLACES_NAMED = 3
# Maximum number of marks side by side at the same place, and their distance, points.
_MARKS, _MARK_STEP = 6, 7.0


@dataclass(frozen=True)
class Series:
    """One line: its name, its points (columns as returned by `make_points`), and its fitted curve if one is drawn.

    Attributes
    ----------
    curve
        Returns the metric at sequence lengths.
    """

    name: str
    points: pd.DataFrame
    curve: Callable[[Any], Any] | None = None


def plot(
    results: ResultSet,
    values: str | None = None,
    along: str = "sequence_length",
    *,
    task: str | None = None,
    log: bool = True,
    fit: bool = False,
    labels: list[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot time, throughput, memory or another metric against sequence length, batch size or another axis.

    There is a line for each label, task and size.  If all cases have the same place along the axis, each is a bar, on a
    linear axis from zero.  Cases of functions, which have no sizes, are left out.

    Parameters
    ----------
    results
        What to plot; the results themselves when called as a method.
    values
        Name of a metric: ``time_s``, ``memory_mb``, ``tokens_per_s`` ...  By default time if it was measured.
    along
        ``sequence_length``, ``batch_size``, or a numeric axis such as ``threads``.
    task
        One of the tasks measured; by default all.
    log
        Logarithmic axes.
    fit
        Draw the curve fitted by `scaling` as a thin line, instead of the line from point to point, if there are enough
        lengths for a fit.
    labels
        Short names for the labels, in their order.
    ax
        Axes to draw on; by default those of a new pyplot figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the 95 % interval of the median as a band around times and throughput, and failed cases marked on the axis.

    Raises
    ------
    ArgumentError
        If a parameter cannot be used, no case has a batch size and a sequence length, or the metric was not measured.
    """
    metric, points = make_points(results, values, task, along)
    if fit and along != "sequence_length":
        raise wrong_value("fit", fit, f"False along {along}: curves are fitted to sequence lengths")
    names = list(dict.fromkeys(points["label"]))
    if labels is not None and len(labels) != len(names):
        raise wrong_value("labels", labels, f"a list of {len(names)} names, one for each of {', '.join(names)}")
    short = dict(zip(names, labels or names, strict=True))
    fits = _fits(results, metric) if fit else {}
    sizes = [size for size in ("batch_size", "sequence_length") if size != along]
    groups: list[Any] = list(points.groupby(["label", "task", *sizes], sort=False))
    titles = series_names([(short[label], of_task, *places) for (label, of_task, *places), _ in groups], sizes)
    series = [
        Series(title, group.sort_values(along), fits.get(key))
        for title, (key, group) in zip(titles, groups, strict=True)
    ]
    return draw(ax, series, metric.text, metric.axis_title, along, log=log)


def _fits(results: ResultSet, metric: Metric) -> dict[Any, Callable[[Any], Any]]:
    """Return the fits of a metric by label, task and batch size; throughput follows the fit of its time."""
    of = scaling(results, "time_s" if metric.of_time is not None else metric.name)
    sequences = {
        (row.label, row.case.task, row.case.batch_size): row.case.sequences_per_call
        for row in results.rows
        if row.case.batch_size is not None
    }
    keys = ((row.fit, (row.label, row.task, row.batch_size)) for row in of.rows)
    return {key: _curve(metric, fit, sequences[key]) for fit, key in keys if fit is not None}


def _curve(metric: Metric, fit: Fit, sequences: int) -> Callable[[Any], Any]:
    of_time = metric.of_time
    return fit if of_time is None else lambda n: of_time(fit(n), sequences, n)


def draw(
    ax: Axes | None,
    series: list[Series],
    text: Callable[[float], str],
    title: str,
    along: str,
    *,
    log: bool,
    reference: float | None = None,
) -> Axes:
    """Draw series as curves, or as bars if there is only one place along the axis.

    Parameters
    ----------
    ax
        Axes to draw on, or None for those of a new figure.
    series
        The lines.
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
    """
    positions = sorted({int(place) for line in series for place in line.points[along].dropna()})
    if len(positions) == 1:
        return draw_bars(ax, [(line.name, line.points.iloc[0]) for line in series], text, title, reference=reference)
    own = ax is None
    ax = new_axes() if ax is None else ax
    # The legend names the lines from top to bottom, as they end.
    for i in sorted(range(len(series)), key=lambda i: _last_value(series[i]), reverse=True):
        _draw_line(ax, series[i], along, line_style(i))
    _mark_failures(ax, series, along)
    if reference is not None:
        ax.axhline(reference, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    _set_axes(ax, series, along, positions, log=log, reference=reference)
    ax.set_xlabel(axis_title(along))
    ax.set_ylabel(title)
    finish(ax, own=own)
    ticks_at(ax, positions)
    return ax


def _last_value(line: Series) -> float:
    """Return the last value of a line; -1 for a line without values, which comes last."""
    good = line.points["value"].dropna()
    return float(good.iloc[-1]) if len(good) else -1.0


def _draw_line(ax: Axes, line: Series, along: str, style: dict[str, Any]) -> None:
    import numpy as np

    good = line.points[line.points["value"].notna()]
    shape = {**style, "linestyle": "none"} if line.curve is not None else style
    ax.plot(good[along], good["value"], label=plain_text(_label(line, along)), markersize=5, linewidth=1.6, **shape)
    if line.curve is None:
        ax.fill_between(good[along], good["low"], good["high"], color=style["color"], alpha=0.2, linewidth=0)
    else:
        below, above = (
            (good[wide] - good[narrow]).clip(lower=0) for wide, narrow in (("value", "low"), ("high", "value"))
        )
        ax.errorbar(good[along], good["value"], yerr=[below, above], color=style["color"], fmt="none", elinewidth=1)
        n = np.geomspace(good[along].min(), good[along].max() * _BEYOND, 100)
        ax.plot(n, line.curve(n), color=style["color"], linestyle=style["linestyle"], linewidth=0.9)


def _failed(line: Series) -> pd.DataFrame:
    return line.points[line.points["value"].isna() & (line.points["status"] != "ok")]


def _label(line: Series, along: str) -> str:
    """Return the name of a line, with the places of its failed cases."""
    failed = [
        f"{status} at {', '.join(map(str, places[:_PLACES_NAMED]))}" + ", …" * (len(places) > _PLACES_NAMED)
        for status, group in _failed(line).groupby("status", sort=False)
        for places in [group[along].tolist()]
    ]
    return f"{line.name} ({', '.join(failed)})" if failed else line.name


def _mark_failures(ax: Axes, series: list[Series], along: str) -> None:
    """Draw a cross on the axis for each failed case, side by side if several failed there; a black one for many."""
    from matplotlib.transforms import ScaledTranslation

    crosses = [(int(place), i) for i, line in enumerate(series) for place in _failed(line)[along]]
    for place in sorted({place for place, _ in crosses}):
        colours = [line_style(i)["color"] for at, i in crosses if at == place]
        colours = colours if len(colours) <= _MARKS else ["black"]
        for number, colour in enumerate(colours):
            points_aside = (number - (len(colours) - 1) / 2) * _MARK_STEP
            aside = ScaledTranslation(points_aside / 72, 0, ax.figure.dpi_scale_trans)
            # On the axis itself, whatever the scale: x in data, y in shares of the height.
            ax.plot(
                [place], [0.0], transform=ax.get_xaxis_transform() + aside, color=colour, marker="x",
                markersize=8, markeredgewidth=2, linestyle="none", clip_on=False, zorder=5,
            )  # fmt: skip


def _set_axes(
    ax: Axes, series: list[Series], along: str, positions: list[int], *, log: bool, reference: float | None
) -> None:
    """Set scales, plain ticks and limits."""
    shown = [float(v) for line in series for v in line.points["value"].dropna()]
    if reference is not None:
        shown.append(reference)
    if log:
        ax.set_xscale("log", base=2)
    if log and min(shown, default=0.0) > 0:
        ax.set_yscale("log")
        if max(shown) < _FLAT * min(shown):
            ax.set_ylim(min(shown) / _FLAT, max(shown) * _FLAT)
        plain_ticks(ax.yaxis, *ax.get_ylim(), log=True)
    else:
        ax.set_ylim(bottom=0)
        plain_ticks(ax.yaxis, 0.0, max(shown, default=1.0), log=False)
    if not shown:
        ax.set_yticks([])
    # The places of failed cases count, too.
    ax.update_datalim([(positions[0], 0), (positions[-1], 0)], updatey=False)
    ax.autoscale_view(scaley=False)
    ticks_at(ax, positions)
    clean(ax)
