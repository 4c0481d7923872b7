"""Curves: a metric against sequence length, batch size or another axis of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.scaling import scaling
from hfbench_nb.arguments import checks
from hfbench_nb.display.plots.headings import heading
from hfbench_nb.display.plots.lines import draw, draw_panels
from hfbench_nb.display.plots.series import Look, Series
from hfbench_nb.display.plots.style import distinctions
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.results.curve_frame import curve_keys, make_curve_frame, other_sizes
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.result_set import ResultSet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from hfbench_nb.analysis.fits import Fit


def plot(
    results: ResultSet,
    values: str | None = None,
    along: str = "sequence_length",
    *,
    task: str | None = None,
    log: bool = True,
    fit: bool = False,
    labels: list[str] | None = None,
    top: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot time, throughput, memory or another metric against sequence length, batch size or another axis.

    There is a line for each label, task and size; a label has one colour.  Of several tasks, each has axes of its own,
    unless `ax` is given.  If all cases have the same place along the axis, each is a bar, on a linear axis from zero.
    Cases of functions, which have no sizes, are left out.

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
        Logarithmic axes; the vertical one only where the values differ by a factor of 2 or more, otherwise it starts at
        zero.
    fit
        Draw the curve fitted by `scaling` as a thin line, instead of the line from point to point, if there are enough
        lengths for a fit.
    labels
        Short names for the labels, in their order.
    top
        How many labels have colours: those that are best at the last place.  The others are grey.  By default 7 if
        there are more than 8.
    ax
        Axes to draw on; by default those of a new pyplot figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the 95 % interval of the median as a band around times and throughput, and failed cases marked on the axis;
        of several tasks, the first axes (``.figure.axes`` has all).

    Raises
    ------
    ArgumentError
        If a parameter cannot be used, no case has a batch size and a sequence length, or the metric was not measured.
    """
    metric, points = make_curve_frame(results, values, task, along)
    if fit and along != "sequence_length":
        raise wrong_value("fit", fit, f"False along {along}: curves are fitted to sequence lengths")
    if top is not None:
        checks.integer("top", top, minimum=0)
    names = list(dict.fromkeys(points["label"]))
    if labels is not None and len(labels) != len(names):
        raise wrong_value("labels", labels, f"a list of {len(names)} names, one for each of {', '.join(names)}")
    short = dict(zip(names, labels or names, strict=True))
    fits = _fits(results, metric) if fit else {}
    sizes = other_sizes(along)
    tasks = list(dict.fromkeys(points["task"]))
    split = ax is None and len(tasks) > 1
    look = Look(
        metric.text, metric.axis_title, along, log, heading=heading(results, points, sizes),
        higher_is_better=metric.higher_is_better, top=top,
    )  # fmt: skip

    def series_of(part: pd.DataFrame) -> list[Series]:
        groups: list[Any] = list(part.groupby(curve_keys(along), sort=False))
        told = distinctions([(short[label], of_task, *places) for (label, of_task, *places), _ in groups], sizes)
        return [
            Series(short[key[0]], ", ".join(words), group.sort_values(along), fits.get(key))
            for words, (key, group) in zip(told, groups, strict=True)
        ]

    if split:
        return draw_panels([(each.capitalize(), series_of(points[points["task"] == each])) for each in tasks], look)
    return draw(ax, series_of(points), look)


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
