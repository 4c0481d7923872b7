"""How many times faster than a baseline of the same results each case is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from hfbench_nb.analysis.partners import pair_with_partners
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.round_stats import Estimate
from hfbench_nb.results.metrics import METRICS
from hfbench_nb.results.pivot import pivot
from hfbench_nb.results.result_set import ResultSet

if TYPE_CHECKING:
    import pandas as pd

Baseline: TypeAlias = str | Mapping[str, Any]
"""A model or a label, or settings, as in ``{"dtype": "float32"}``."""

Speedups: TypeAlias = dict[tuple[str, Case], Estimate]
"""How many times faster each case is, by its label and itself."""


def speedups(results: ResultSet, baseline: Baseline) -> Speedups:
    """Return the time of the baseline's case divided by that of each case, with its 95 % interval.

    Cases without a counterpart, or a time, are left out.  Rounds are paired, as in `relative`.

    Raises
    ------
    ArgumentError
        If nothing is the baseline, or no case differs from it in that alone.
    """
    pairs, _ = pair_with_partners(results, baseline, "baseline")
    time_s = METRICS["time_s"]
    found: Speedups = {}
    for pair in pairs:
        ratio, low, high = pair.estimate(time_s)
        if ratio > 0:
            found[pair.this.label, pair.this.case] = Estimate(1 / ratio, 1 / high, 1 / low if low > 0 else math.inf)
            found[pair.other.label, pair.other.case] = Estimate(1.0, math.nan, math.nan)
    return found


def baseline_name(baseline: Baseline) -> str:
    """Return a baseline as words, as in ``dtype=float32``."""
    return baseline if isinstance(baseline, str) else ", ".join(f"{name}={value}" for name, value in baseline.items())


def table(
    results: ResultSet,
    values: str | Sequence[str] | None = None,
    index: str | Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    *,
    baseline: Baseline | None = None,
) -> pd.DataFrame:
    """Return one metric of every case as a table: a plain pandas DataFrame, whose ``.style`` is pandas' own.

    Parameters
    ----------
    results
        What to show; the results themselves when called as a method.
    values
        A column of `BenchmarkResults.frame`, or a list of them; with a baseline also ``speedup`` and the ends of its
        95 % interval, ``speedup_ci_low`` and ``speedup_ci_high``. By default ``time_s``, and ``speedup`` with a
        baseline.
    index
        What the rows are: one or more columns of the frame, or ``label``, which distinguishes the models of several
        runs (see `BenchmarkResults.labels`). By default model (or label) and batch size, and the task if there are
        several.
    columns
        What the columns are, in the same way. By default the sequence length; of functions, which have none, the task.
    baseline
        A model or a label, or settings, as in ``{"dtype": "float32"}``: ``speedup`` is the time of its case divided by
        that of the same case otherwise.

    Returns
    -------
    pandas.DataFrame
        In the units of the frame, models in the order measured, sizes ascending, NaN where there is no case.

    Raises
    ------
    ArgumentError
        If a column does not exist, several cases would share a cell of the table, or nothing is the baseline.

    Examples
    --------
    >>> from hfbench_nb import load_reference
    >>> results = load_reference("bert-configurations-pytorch")
    >>> float(results.table("memory_mb", index="model").loc["bert-base", 512])
    1539.0
    >>> styler = results.table().style.format("{:.3f}").highlight_min(axis=0)
    >>> results.table("speedup", index="model", baseline="bert-base").loc["bert-6-lay", 512].round(2).item()
    2.0
    """
    if baseline is None:
        return pivot(results, results.frame, "time_s" if values is None else values, index, columns)
    found = speedups(results, baseline)
    unknown = Estimate(math.nan, math.nan, math.nan)
    of_rows = [found.get((row.label, row.case), unknown) for row in results.rows]
    names = ("speedup", "speedup_ci_low", "speedup_ci_high")
    frame = results.frame.assign(**{name: [each[i] for each in of_rows] for i, name in enumerate(names)})
    return pivot(results, frame, ["time_s", "speedup"] if values is None else values, index, columns)
