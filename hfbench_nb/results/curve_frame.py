"""What can be plotted, fitted and predicted: one metric of each case that has sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hfbench_nb.arguments.sweep import known_axes
from hfbench_nb.protocol.case import SIZE_NAMES
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.suggestions import no_such
from hfbench_nb.results.metrics import METRICS, Metric
from hfbench_nb.results.result_set import ResultSet

if TYPE_CHECKING:
    import pandas as pd

SIZE_TITLES = {"sequence_length": "Sequence length (tokens)", "batch_size": "Batch size"}
"""The axis labels for sizes."""


def axis_title(name: str) -> str:
    """Return the label of a plot's axis for a size or an axis of the sweep."""
    axes = known_axes()
    return SIZE_TITLES.get(name) or (axes[name].title if name in axes else "") or name.replace("_", " ").capitalize()


def other_sizes(along: str) -> list[str]:
    """Return the sizes that tell curves along one of them, or along an axis, apart."""
    return [name for name in SIZE_NAMES if name != along]


def curve_keys(along: str = "sequence_length") -> list[str]:
    """Return the columns of a curve frame by which its rows belong to curves."""
    return ["label", "task", *other_sizes(along)]


def make_curve_frame(
    results: ResultSet, values: str | None = None, task: str | None = None, along: str = "sequence_length"
) -> tuple[Metric, pd.DataFrame]:
    """Return one metric of each case that has a batch size and a sequence length.

    Parameters
    ----------
    results
        The results that contain the cases.
    values
        Name of a metric; by default ``time_s`` where it was measured, else ``memory_mb``.
    task
        One of the tasks; by default all.
    along
        A size or a numeric axis, which the labels do not mention.

    Returns
    -------
    tuple of Metric and pandas.DataFrame
        The metric, and one row per case with the columns ``framework``, ``label``, ``task``, ``batch_size``,
        ``sequence_length``, `along`, ``status``, ``value`` and its 95 % interval ``low`` and ``high`` (NaN where the
        metric has none).

    Raises
    ------
    ArgumentError
        If a parameter cannot be used, no case has sizes (those of functions have none), or the metric was not measured.
    """
    import pandas as pd

    metric = choose_metric(results, values)
    if task is not None and task not in results.tasks:
        raise no_such("task", task, results.tasks)
    _check_along(results, along)
    rows = []
    for row, label in zip(results.rows, results.labels_without([along]), strict=True):
        case, measurement = row.case, row.measurement
        if case.batch_size is None or (task is not None and case.task != task) or not metric.is_of(case.task):
            continue
        low, high = metric.interval_of(case, measurement)
        identity = {"framework": case.framework, "label": label, "task": case.task, **case.sizes_by_name}
        place = {along: identity[along] if along in identity else row.settings.get(along, math.nan)}
        value = metric.of(case, measurement)
        rows.append({**identity, **place, "status": measurement.status, "value": value, "low": low, "high": high})
    if not rows:
        raise ArgumentError("There is nothing to show: no case has a batch size and a sequence length.")
    points = pd.DataFrame(rows)
    if points["value"].isna().all() and (points["status"] == "ok").all():
        raise ArgumentError(f"There is nothing to show: {metric.name} was not measured.", "values")
    return metric, points


def choose_metric(results: ResultSet, values: str | None, among: Iterable[Metric] | None = None) -> Metric:
    """Return the metric with a name; by default the time if it was measured, else the peak memory.

    Raises
    ------
    ArgumentError
        If there is no such metric.
    """
    if values is None:
        has_time = any(measurement.timing is not None for _, measurement in results.entries)
        has_memory = any(measurement.memory is not None for _, measurement in results.entries)
        return METRICS["time_s" if has_time or not has_memory else "memory_mb"]
    names = [metric.name for metric in (METRICS if among is None else among)]
    if values not in names:
        raise no_such("values", values, names)
    return METRICS[values]


def _check_along(results: ResultSet, along: str) -> None:
    numbers = {
        name
        for row in results.rows
        for name, value in row.settings.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    if along not in SIZE_TITLES and along not in numbers:
        raise no_such("along", along, [*SIZE_TITLES, *sorted(numbers)])
