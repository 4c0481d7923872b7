"""Curves: a figure against sequence length or batch size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hfbench_nb.display.plots.bars import draw_bars
from hfbench_nb.display.plots.layout import finish, new_axes
from hfbench_nb.display.plots.style import GREY, clean, line_style, plain_text, plain_ticks, series_names, ticks_at
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.results.points import THROUGHPUT, TITLES, make_points, of_time

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from hfbench_nb.analysis.fits import Law
    from hfbench_nb.facade.benchmark_results import BenchmarkResults

# How far a fitted law is drawn beyond the last point.
_BEYOND = 1.25
# Figures that differ by less than this factor are shown as flat as they are.
_FLAT = 1.05
# How many places of failed cells a legend names.
_PLACES_NAMED = 3
# How many marks stand side by side at the same place, and how far apart, in points.
_MARKS, _MARK_STEP = 6, 7.0


@dataclass(frozen=True)
class Series:
    """One line: its name, its points (columns as `make_points` gives them), and its law where one is drawn."""

    name: str
    points: pd.DataFrame
    law: Law | None = None


def plot(
    results: BenchmarkResults,
    values: str | None = None,
    along: str = "sequence_length",
    *,
    task: str | None = None,
    log: bool = True,
    fit: bool = False,
    labels: list[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot time, throughput or memory against sequence length or batch size.

    There is a line for each model, task and batch size (or length).  Where all cells have the same length (or batch
    size), each is a bar, on a linear axis from zero.  Cells of functions, which have neither size, are left out.

    Parameters
    ----------
    results
        What to plot; as a method, the results themselves.
    values
        ``time_s``, ``memory_mb``, another column of numbers, or throughput made of the median time: ``sequences_per_s``
        or ``tokens_per_s``.  By default time where it was measured.
    along
        ``sequence_length`` or ``batch_size``.
    task
        ``inference`` or ``training``; by default both, where both were measured.
    log
        Logarithmic axes.
    fit
        Draw the law that `scaling` finds as a thin line, in place of the line from point to point, where there are
        lengths enough for one.
    labels
        Short names of the models, in their order.
    ax
        Axes to draw on; by default those of a new pyplot figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the 95 % interval of the median as a band around times and throughput, and failed cells marked on the axis.

    Raises
    ------
    ArgumentError
        If a parameter cannot be used, no cell has a batch size and a sequence length, or the figure was not measured.
    """
    values, points = make_points(results, values, task)
    if along not in ("sequence_length", "batch_size"):
        raise wrong_value("along", along, "'sequence_length' or 'batch_size'")
    if fit and along != "sequence_length":
        raise wrong_value("fit", fit, "False along the batch size: laws are fitted to sequence lengths")
    models = list(dict.fromkeys(points["label"]))
    if labels is not None and len(labels) != len(models):
        raise wrong_value("labels", labels, f"a list of {len(models)} names, one a model: {', '.join(models)}")
    short = dict(zip(models, labels or models, strict=True))
    laws = _laws(results, values) if fit else {}
    other = "batch_size" if along == "sequence_length" else "sequence_length"
    groups: list[Any] = list(points.groupby(["label", "task", other], sort=False))
    names = series_names([(short[label], of_task, size) for (label, of_task, size), _ in groups], other)
    series = [
        Series(name, group.sort_values(along), laws.get(key)) for name, (key, group) in zip(names, groups, strict=True)
    ]
    return draw(ax, series, values, along, log=log)


def draw(
    ax: Axes | None,
    series: list[Series],
    values: str,
    along: str,
    *,
    log: bool,
    title: str | None = None,
    reference: float | None = None,
) -> Axes:
    """Draw series as curves, or as bars if there is but one place along the axis.

    Parameters
    ----------
    ax
        Axes to draw on, or None for those of a new figure.
    series
        The lines.
    values
        Name of the figure, which decides how it is written.
    along
        The column to draw against.
    log
        Logarithmic axes.
    title
        What is written on the axis of the figure.
    reference
        A figure to compare with, drawn as a line across; bars start at it.
    """
    title = TITLES.get(values, values) if title is None else title
    positions = sorted({int(place) for line in series for place in line.points[along]})
    if len(positions) == 1:
        return draw_bars(ax, [(line.name, line.points.iloc[0]) for line in series], values, title, reference=reference)
    own = ax is None
    ax = new_axes() if ax is None else ax
    # The legend names the lines from top to bottom, as they end.
    for i in sorted(range(len(series)), key=lambda i: _last_value(series[i]), reverse=True):
        _draw_line(ax, series[i], values, along, line_style(i))
    _mark_failures(ax, series, along)
    if reference is not None:
        ax.axhline(reference, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    _set_axes(ax, series, along, positions, log=log, reference=reference)
    ax.set_xlabel(TITLES[along])
    ax.set_ylabel(title)
    finish(ax, own=own)
    ticks_at(ax, positions)
    return ax


def _laws(results: BenchmarkResults, values: str) -> dict[Any, Law | None]:
    """Give the laws of a figure by model, task and batch size; throughput follows the law of its time."""
    from hfbench_nb.analysis.scaling import scaling

    of = scaling(results, "time_s" if values in THROUGHPUT else values)
    return {(row.label, row.task, row.batch_size): row.law for row in of.rows}


def _last_value(line: Series) -> float:
    """Give the last figure of a line; one without any comes last."""
    good = line.points["value"].dropna()
    return float(good.iloc[-1]) if len(good) else -1.0


def _draw_line(ax: Axes, line: Series, values: str, along: str, style: dict[str, Any]) -> None:
    import numpy as np

    good = line.points[line.points["value"].notna()]
    shape = {**style, "linestyle": "none"} if line.law is not None else style
    ax.plot(good[along], good["value"], label=plain_text(_label(line, along)), markersize=5, linewidth=1.6, **shape)
    if line.law is None:
        ax.fill_between(good[along], good["low"], good["high"], color=style["color"], alpha=0.2, linewidth=0)
    else:
        below, above = (
            (good[wide] - good[narrow]).clip(lower=0) for wide, narrow in (("value", "low"), ("high", "value"))
        )
        ax.errorbar(good[along], good["value"], yerr=[below, above], color=style["color"], fmt="none", elinewidth=1)
        n = np.geomspace(good[along].min(), good[along].max() * _BEYOND, 100)
        sizes = {"batch_size": int(line.points["batch_size"].iloc[0]), "sequence_length": n}
        ax.plot(
            n, of_time(values, line.law(n), sizes), color=style["color"], linestyle=style["linestyle"], linewidth=0.9
        )


def _failed(line: Series) -> pd.DataFrame:
    return line.points[line.points["value"].isna() & (line.points["status"] != "ok")]


def _label(line: Series, along: str) -> str:
    """Name a line, and which of its cells failed."""
    failed = [
        f"{status} at {', '.join(map(str, places[:_PLACES_NAMED]))}" + ", …" * (len(places) > _PLACES_NAMED)
        for status, group in _failed(line).groupby("status", sort=False)
        for places in [group[along].tolist()]
    ]
    return f"{line.name} ({', '.join(failed)})" if failed else line.name


def _mark_failures(ax: Axes, series: list[Series], along: str) -> None:
    """Put a cross on the axis for each failed cell, side by side where several failed; one in black for many."""
    from matplotlib.transforms import ScaledTranslation

    crosses = [(int(place), i) for i, line in enumerate(series) for place in _failed(line)[along]]
    for place in sorted({place for place, _ in crosses}):
        colours = [line_style(i)["color"] for at, i in crosses if at == place]
        colours = colours if len(colours) <= _MARKS else ["black"]
        for turn, colour in enumerate(colours):
            points_aside = (turn - (len(colours) - 1) / 2) * _MARK_STEP
            aside = ScaledTranslation(points_aside / 72, 0, ax.figure.dpi_scale_trans)
            # On the axis itself, whatever the scale: x in data, y in shares of the height.
            ax.plot(
                [place], [0.0], transform=ax.get_xaxis_transform() + aside, color=colour, marker="x",
                markersize=8, markeredgewidth=2, linestyle="none", clip_on=False, zorder=5,
            )  # fmt: skip


def _set_axes(
    ax: Axes, series: list[Series], along: str, positions: list[int], *, log: bool, reference: float | None
) -> None:
    """Set scales, plain ticks, limits and the label of the axis along which is drawn."""
    figures = [float(v) for line in series for v in line.points["value"].dropna()]
    if reference is not None:
        figures.append(reference)
    if log:
        ax.set_xscale("log", base=2)
    if log and min(figures, default=0.0) > 0:
        ax.set_yscale("log")
        if max(figures) < _FLAT * min(figures):
            ax.set_ylim(min(figures) / _FLAT, max(figures) * _FLAT)
        plain_ticks(ax.yaxis, *ax.get_ylim(), log=True)
    else:
        ax.set_ylim(bottom=0)
        plain_ticks(ax.yaxis, 0.0, max(figures, default=1.0), log=False)
    if not figures:
        ax.set_yticks([])
    # The places of failed cells count, too.
    ax.update_datalim([(positions[0], 0), (positions[-1], 0)], updatey=False)
    ax.autoscale_view(scaley=False)
    ticks_at(ax, positions)
    clean(ax)
