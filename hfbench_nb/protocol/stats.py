"""Statistics of timing samples.  Standard library only: the worker imports it."""

from __future__ import annotations

import itertools
import math
import operator
import statistics
from collections.abc import Iterator, Sequence
from functools import lru_cache

# The level at which an interval is computed.  Sampling stops when the interval is narrow enough, which sometimes
# happens by chance: intervals computed at 96 % then have a coverage of 95 %.
_LEVEL = 0.96
# Two-sided quantiles at that level: of the normal distribution, and of Student's t by number of samples.
_NORMAL = 2.0537
_LARGEST_LOG = 700.0  # what `math.exp` can return
_STUDENT_T = {2: 15.8945, 3: 4.8487, 4: 3.4819, 5: 2.9985}

# With fewer samples than this, or above this p, the order of the samples counts as random (z of p = 0.005, one-sided).
_ORDER_MIN_SAMPLES = 10
_ORDER_Z = 2.576
# This many groups of samples, in chronological order, are enough to see how long a disturbance lasts.
_MOST_GROUPS = 400


@lru_cache(maxsize=4096)
def _order_statistic_weights(n: int) -> tuple[int, float]:
    """Find which order statistics bound the median of `n` samples, and how to mix neighbours.

    Return the 1-based rank ``d`` and the weight ``w`` of the method of T. P. Hettmansperger and S. J. Sheather,
    "Confidence intervals based on interpolated order statistics", Statistics & Probability Letters 4 (1986) 75-79:
    the interval runs from ``(1-w) x[d] + w x[d+1]`` to its mirror image.
    """
    # below(d) = P(Binomial(n, 1/2) < d) in units of 2**-n, exact in integers; only quotients become floats, since
    # 2**1024 is too large for one.
    total = 1 << n
    term, below, d = 1, 0, 0
    while (total - 2 * (below + term)) / total >= _LEVEL:
        below += term
        term = term * (n - d) // (d + 1)
        d += 1
    outer = 1 - 2 * (below / total)
    inner = 1 - 2 * ((below + term) / total)
    share = (outer - _LEVEL) / (outer - inner)
    return d, (n - d) * share / (d + (n - 2 * d) * share)


def median_interval(samples: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % confidence interval of the median.

    Parameters
    ----------
    samples
        The samples in the order taken, shape ``(n,)``, in any unit.

    Returns
    -------
    tuple of float
        Lower and upper bound, in the unit of the samples; NaN for fewer than two samples.

    Notes
    -----
    With six or more samples, the interval comes from interpolated order statistics (Hettmansperger and Sheather 1986),
    which assume no distribution.  Two to five samples cannot bound a median at 95 % without an assumption (their range
    covers it with probability ``1 - 2**(1-n)``); for these, Student's interval of the mean of their logarithms is used,
    which is exact for log-normal noise and never reaches 0: no call takes no time.  Both are computed at 96 %, so that
    95 % remain where sampling stopped because the interval was narrow enough.

    Samples that depend on when they were taken carry as much information about the median as a smaller number of
    independent ones (see `independent_samples`): they get the interval of that number, with its bounds at the same
    quantiles.  The interval never exceeds the range of the samples.
    """
    n = len(samples)
    if n < 2:
        return math.nan, math.nan
    if n in _STUDENT_T:
        if min(samples) <= 0:  # of a clock that is too coarse
            return 0.0, max(samples)
        logs = [math.log(sample) for sample in samples]
        mean, half_width = statistics.fmean(logs), _STUDENT_T[n] * statistics.stdev(logs) / math.sqrt(n)
        return math.exp(mean - half_width), math.exp(min(mean + half_width, _LARGEST_LOG))
    ordered = sorted(samples)
    independent = independent_samples(samples)
    if independent < 6:
        return ordered[0], ordered[-1]
    d, weight = _order_statistic_weights(independent)
    rank = 0.5 + (d + weight - 0.5) * (n / independent)  # of the lower bound, 1-based
    d, weight = int(rank), rank % 1
    # Written so that equal neighbours yield exactly their value: rounding must not push a bound beyond the samples.
    low = ordered[d - 1] + weight * (ordered[d] - ordered[d - 1])
    high = ordered[n - d] - weight * (ordered[n - d] - ordered[n - d - 1])
    return low, high


def relative_half_width(samples: Sequence[float]) -> float:
    """Return half the width of the median's 95 % interval as a share of the median; infinite below two samples."""
    low, high = median_interval(samples)
    center = statistics.median(samples) if samples else 0.0
    if math.isnan(low) or center <= 0:
        return math.inf
    return (high - low) / 2 / center


def samples_needed(samples: Sequence[float], half_width: float) -> float:
    """Estimate how many samples bring the relative half width of the median's interval down to `half_width`."""
    n = len(samples)
    # Student's factor shrinks towards the normal one with each additional sample.
    ratio = _NORMAL / _STUDENT_T.get(n, _NORMAL) * relative_half_width(samples) / half_width
    return n * ratio * ratio


def independent_samples(samples: Sequence[float]) -> int:
    """Return how many independent samples would carry as much information about the median.

    Parameters
    ----------
    samples
        The samples in the order taken, shape ``(n,)``.

    Returns
    -------
    int
        ``n`` where their order may be random; fewer where neighbours in time are closer to each other than random
        order allows, because of a drift, or a lasting or recurring disturbance.

    Notes
    -----
    The order is not random if the mean square difference of successive ranks is small, p < 0.005 (R. Bartels, "The rank
    version of von Neumann's ratio test for randomness", Journal of the American Statistical Association 77 (1982)
    40-46).  The variance of a median grows with the sum of the autocorrelations of the indicator of lying above or
    below it; that sum is estimated by the initial positive sequence (C. J. Geyer, "Practical Markov chain Monte Carlo",
    Statistical Science 7 (1992) 473-483), over groups of neighbours where there are many samples.
    """
    n = len(samples)
    if n < _ORDER_MIN_SAMPLES or not _order_matters(samples):
        return n
    median = statistics.median(samples)
    sides = [(sample > median) - (sample < median) for sample in samples]
    size = math.ceil(n / _MOST_GROUPS)
    groups = [sum(sides[start : start + size]) for start in range(0, n - size + 1, size)]
    count = len(groups)

    def covariance(lag: int) -> float:
        products: Iterator[int] = map(operator.mul, groups, itertools.islice(groups, lag, None))
        return sum(products) / count

    total = covariance(0) + 2 * covariance(1)
    for lag in range(2, count - 1, 2):
        pair = covariance(lag) + covariance(lag + 1)
        if pair <= 0:
            break
        total += 2 * pair
    return max(1, min(n, int(n * size / total))) if total > 0 else n


def _order_matters(samples: Sequence[float]) -> bool:
    n = len(samples)
    ranks = _mean_ranks(samples)
    squares = sum((rank - (n + 1) / 2) ** 2 for rank in ranks)
    if not squares:
        return False  # all are equal
    ratio = sum((later - earlier) ** 2 for earlier, later in itertools.pairwise(ranks)) / squares
    return 2 - ratio > _ORDER_Z * math.sqrt(20 / (5 * n + 7))


def _mean_ranks(samples: Sequence[float]) -> list[float]:
    """Return the rank of each sample, 1-based; equal samples share the mean of their ranks."""
    order = sorted(range(len(samples)), key=samples.__getitem__)
    ranks = [0.0] * len(samples)
    start = 0
    while start < len(order):
        stop = start
        while stop < len(order) and samples[order[stop]] == samples[order[start]]:
            stop += 1
        for position in order[start:stop]:
            ranks[position] = (start + 1 + stop) / 2
        start = stop
    return ranks
