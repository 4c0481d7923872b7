"""The ratio of a metric of two cases, with what can be told from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hfbench_nb.protocol.round_stats import Estimate, independent_ratio, paired_ratio
from hfbench_nb.results.metrics import SPEED, Metric
from hfbench_nb.results.result_set import Row


@dataclass(frozen=True)
class Pair:
    """Two cases that are compared: the same of two runs, or two of one run.

    Attributes
    ----------
    this, other
        The cases.
    is_of_one_run
        Whether both were measured in one sweep, whose cases are interleaved, so that their rounds can be paired.
    slowdown
        How many times slower the machine itself was during *this*; 1 where that cannot be told.
    """

    this: Row
    other: Row
    is_of_one_run: bool = False
    slowdown: float = 1.0

    def values(self, metric: Metric) -> tuple[float, float]:
        """Return the metric of this and of the other; NaN where it is absent."""
        return (
            metric.of(self.this.case, self.this.measurement),
            metric.of(self.other.case, self.other.measurement),
        )

    def estimate(self, metric: Metric) -> Estimate:
        """Return the ratio with its interval, widened by what cannot count as a difference.

        That is what the machine itself did: whether all of the slowdown or nothing of it concerns this case is unknown.
        """
        estimate = estimate_ratio(self.this, self.other, metric, interleaved=self.is_of_one_run)
        return allow_for_machine(estimate, metric, self.slowdown)

    def worse_by_more_than(self, metric: Metric, share: float) -> bool | None:
        """Return whether this is worse by more than a share; None where the interval does not tell."""
        _, low, high = self.estimate(metric)
        if metric.higher_is_better:
            low, high = 1 / high if high > 0 else math.inf, 1 / low if low > 0 else math.inf
        if low > 1 + share:
            return True
        return False if high <= 1 + share else None


def estimate_ratio(this: Row, other: Row, metric: Metric, *, interleaved: bool) -> Estimate:
    """Return the ratio of a metric of two cases, with its 95 % interval.

    With several rounds of each, by pairing them (`paired_ratio`) or from both independently (`independent_ratio`).
    Otherwise from the intervals of both (`ratio_interval`), which know nothing of what differs between processes.
    """
    rounds = [metric.by_round(row.case, row.measurement) for row in (this, other)]
    common = sorted(rounds[0].keys() & rounds[1].keys())
    estimate = Estimate(math.nan, math.nan, math.nan)
    if interleaved and len(common) > 1:
        estimate = paired_ratio(*([values[number] for number in common] for values in rounds))
    elif not interleaved and min(map(len, rounds)) > 1:
        estimate = independent_ratio(*([*values.values()] for values in rounds))
    if math.isnan(estimate.value):
        estimate = _from_intervals(this, other, metric)
    return allow_for_resolution(estimate, metric, [metric.of(row.case, row.measurement) for row in (this, other)])


def allow_for_machine(estimate: Estimate, metric: Metric, slowdown: float) -> Estimate:
    """Widen the interval of a ratio by what the machine itself did: it may concern all of it, or nothing."""
    low, high = estimate.low, estimate.high
    if metric.group == SPEED and slowdown > 0:
        factor = slowdown if metric.higher_is_better else 1 / slowdown
        low, high = min(low, low * factor), max(high, high * factor)
    return Estimate(estimate.value, low, high)


def allow_for_resolution(estimate: Estimate, metric: Metric, values: Sequence[float]) -> Estimate:
    """Widen the interval of a ratio by the share within which readings of these values repeat."""
    if metric.resolution is None or math.isnan(estimate.value):
        return estimate
    share = max(map(metric.resolution, values))
    low, high = (estimate.value if math.isnan(end) else end for end in (estimate.low, estimate.high))
    return Estimate(estimate.value, low * (1 - min(share, 1.0)), high * (1 + share))


def told_apart(this: Row, other: Row, metric: Metric) -> bool:
    """Return whether a metric of two cases of a run differs: by their pairs of rounds, or else by their intervals.

    Of one round, the intervals must not overlap, a cautious test; without intervals, the values must differ.
    """
    rows = (this, other)
    common = set.intersection(*(set(metric.by_round(row.case, row.measurement)) for row in rows))
    if len(common) > 1:
        estimate = estimate_ratio(this, other, metric, interleaved=True)
        return estimate.excludes_one is not False
    estimates = (metric.estimate_of(row.case, row.measurement) for row in rows)
    (low, high), (other_low, other_high) = (
        (value, value) if math.isnan(low) or math.isnan(high) else (low, high) for value, low, high in estimates
    )
    return high < other_low or other_high < low


def _from_intervals(this: Row, other: Row, metric: Metric) -> Estimate:
    above, below = (metric.estimate_of(row.case, row.measurement) for row in (this, other))
    ratio = above.value / below.value if below.value > 0 else math.nan
    return Estimate(ratio, *ratio_interval(above, below))


def ratio_interval(this: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float]:
    """Return the 95 % confidence interval of a ratio of medians.

    Parameters
    ----------
    this, other
        Median, and lower and upper end of its 95 % interval, in the same unit.

    Returns
    -------
    tuple of float
        Lower and upper end; NaN if one of the two intervals is unknown.

    Notes
    -----
    The two intervals are combined on the logarithmic scale as G. Y. Zou and A. Donner, "Construction of confidence
    limits about effect measures: a general approach", Statistics in Medicine 27 (2008) 1693-1702, combine those of any
    two independent estimates; for medians cf. R. M. Price and D. G. Bonett, "Distribution-free confidence intervals for
    difference and ratio of medians", Journal of Statistical Computation and Simulation 72 (2002) 119-124.
    """
    if any(math.isnan(value) for value in (*this, *other)):
        return math.nan, math.nan
    (a, a_low, a_high), (b, b_low, b_high) = (tuple(map(_log, interval)) for interval in (this, other))
    low = a - b - math.hypot(a - a_low, b_high - b)
    high = a - b + math.hypot(a_high - a, b - b_low)
    return math.exp(low), math.exp(high)


def _log(value: float) -> float:
    """Return the logarithm; minus infinity at or below zero, where an interval from few samples gives no bound."""
    return math.log(value) if value > 0 else -math.inf
