"""Statistics of timing samples.  Standard library only: the measuring process imports it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from functools import lru_cache

CONFIDENCE = 0.95

# Two-sided 95 % quantiles of Student's t for 1 to 4 degrees of freedom.
_STUDENT_T_95 = {2: 12.7062, 3: 4.3027, 4: 3.1824, 5: 2.7764}

# Both thresholds of `drifts`: the halves differ by more than chance (z, two-sided p < 0.001) ...
_DRIFT_Z = 3.29
# ... and there are enough samples for the normal approximation of the rank sum.
_DRIFT_MIN_SAMPLES = 12


@lru_cache(maxsize=4096)
def _order_statistic_weights(n: int) -> tuple[int, float]:
    """Find which order statistics bound the median of `n` samples, and how to mix neighbours.

    Returns the 1-based rank ``d`` and the weight ``w`` of the method of T. P. Hettmansperger and S. J. Sheather,
    "Confidence intervals based on interpolated order statistics", Statistics & Probability Letters 4 (1986) 75-79:
    the interval runs from ``(1-w) x[d] + w x[d+1]`` to its mirror image.
    """
    # below(d) = P(Binomial(n, 1/2) < d) in units of 2**-n: exact, in integers.
    total = 1 << n
    term, below, d = 1, 0, 0
    while total - 2 * (below + term) >= CONFIDENCE * total:
        below += term
        term = term * (n - d) // (d + 1)
        d += 1
    outer = 1 - 2 * (below / total)
    inner = 1 - 2 * ((below + term) / total)
    share = (outer - CONFIDENCE) / (outer - inner)
    return d, (n - d) * share / (d + (n - 2 * d) * share)


def median_interval(samples: Sequence[float]) -> tuple[float, float]:
    """Give the 95 % confidence interval of the median.

    Parameters
    ----------
    samples
        The samples, shape ``(n,)``, in any unit.

    Returns
    -------
    tuple of float
        Lower and upper end, in the unit of the samples; NaN for fewer than two samples.

    Notes
    -----
    From six samples on, interpolated order statistics (Hettmansperger and Sheather 1986), which assume no
    distribution.  Two to five samples cannot bound a median at 95 % without an assumption (their range covers it with
    probability ``1 - 2**(1-n)``); there, Student's interval of the mean, exact for normal noise.
    """
    n = len(samples)
    if n < 2:
        return math.nan, math.nan
    if n in _STUDENT_T_95:
        mean = statistics.fmean(samples)
        half_width = _STUDENT_T_95[n] * statistics.stdev(samples) / math.sqrt(n)
        return mean - half_width, mean + half_width
    ordered = sorted(samples)
    d, weight = _order_statistic_weights(n)
    # Written so that equal neighbours give themselves: rounding must not carry an end beyond the samples.
    low = ordered[d - 1] + weight * (ordered[d] - ordered[d - 1])
    high = ordered[n - d] - weight * (ordered[n - d] - ordered[n - d - 1])
    return low, high


def relative_half_width(samples: Sequence[float]) -> float:
    """Give half the width of the median's 95 % interval as a share of the median; infinite below two samples."""
    low, high = median_interval(samples)
    center = statistics.median(samples) if samples else 0.0
    if math.isnan(low) or center <= 0:
        return math.inf
    return (high - low) / 2 / center


def drifts(samples: Sequence[float], tolerance: float) -> bool:
    """Tell whether the later samples differ from the earlier ones.

    Parameters
    ----------
    samples
        The samples in the order in which they were taken, shape ``(n,)``.
    tolerance
        Shift of the median, relative, that is still no drift.

    Returns
    -------
    bool
        True if the medians of the two halves differ by more than `tolerance` and a two-sided Mann-Whitney test
        (normal approximation: H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18 (1947) 50-60)
        rejects equality at p < 0.001.
    """
    if len(samples) < _DRIFT_MIN_SAMPLES:
        return False
    half = len(samples) // 2
    early, late = samples[:half], samples[half:]
    center = statistics.median(samples)
    if center <= 0 or abs(statistics.median(late) - statistics.median(early)) <= tolerance * center:
        return False
    ranks = _mean_ranks(samples)
    n1, n2 = len(early), len(late)
    u = sum(ranks[:half]) - n1 * (n1 + 1) / 2
    sigma = math.sqrt(n1 * n2 * (n1 + n2 + 1) / 12)
    return abs(u - n1 * n2 / 2) > _DRIFT_Z * sigma


def _mean_ranks(samples: Sequence[float]) -> list[float]:
    """Give each sample its rank, 1-based; equal samples share the mean of theirs."""
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
