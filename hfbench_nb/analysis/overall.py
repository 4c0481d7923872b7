"""One number for all cases of a comparison."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hfbench_nb.analysis.ratios import Pair, allow_for_machine, allow_for_resolution
from hfbench_nb.protocol.round_stats import Estimate, independent_ratio
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.result_set import Row


@dataclass(frozen=True)
class Overall:
    """The geometric mean of the ratios of a metric.

    Attributes
    ----------
    ratio
        The mean with its 95 % interval.
    cases
        Number of cases that have a ratio.
    """

    ratio: Estimate
    cases: int


def overall_ratio(pairs: Iterable[Pair], metric: Metric) -> Overall | None:
    """Return the geometric mean of the ratios of two runs; None for fewer than two cases.

    Notes
    -----
    The geometric mean is the only mean of ratios that does not depend on which run is divided by which (P. J. Fleming
    and J. J. Wallace, "How not to lie with statistics: the correct way to summarize benchmark results",
    Communications of the ACM 29 (1986) 218-221).  It is that of these cases, each of which counts alike: the interval
    covers what differs between processes and moments, not which cases somebody else would choose.

    Where both runs have several rounds with every case, the cases of each round are averaged first, since they share
    the moment, and Welch's interval is over the rounds (`hfbench_nb.protocol.round_stats.independent_ratio`).
    Otherwise it reaches from the geometric mean of the lower ends to that of the upper ends, as if all cases were wrong
    in the same direction, which is never too narrow for them.
    """
    known = [pair for pair in pairs if all(0 < value < math.inf for value in pair.values(metric))]
    if len(known) < 2:
        return None
    estimates = [pair.estimate(metric) for pair in known]
    value = statistics.geometric_mean([each.value for each in estimates])
    rounds = [_by_round([getattr(pair, side) for pair in known], metric) for side in ("this", "other")]
    if min(map(len, rounds)) < 2:
        low, high = (_mean_of_ends([each[i] for each in estimates]) for i in (1, 2))
        return Overall(Estimate(value, low, high), len(known))
    found = independent_ratio(*rounds)
    ratio = Estimate(value, value * found.low / found.value, value * found.high / found.value)
    values = [each for pair in known for each in pair.values(metric)]
    ratio = allow_for_machine(allow_for_resolution(ratio, metric, values), metric, known[0].slowdown)
    return Overall(ratio, len(known))


def _by_round(rows: Sequence[Row], metric: Metric) -> list[float]:
    """Return the geometric mean over the cases in each round that has a value of every case."""
    values = [metric.by_round(row.case, row.measurement) for row in rows]
    numbers = sorted(set.intersection(*(set(each) for each in values)))
    of_rounds = [[each[number] for each in values] for number in numbers]
    return [statistics.geometric_mean(of_round) for of_round in of_rounds if min(of_round) > 0]


def _mean_of_ends(ends: Sequence[float]) -> float:
    """Return the geometric mean of the ends of intervals; NaN where one is not known."""
    if any(math.isnan(end) for end in ends):
        return math.nan
    return statistics.geometric_mean(ends) if min(ends) > 0 and max(ends) < math.inf else min(ends)
