"""Statistics over rounds: what differs between processes and moments, not only within one.  Standard library only.

Samples of one process share what distinguishes it from others for its whole life, such as where its pages lie, and what
its machine did meanwhile.  The unit of repetition is therefore the round, not the sample: T. Kalibera and R. Jones,
"Rigorous benchmarking in reasonable time", International Symposium on Memory Management (2013) 63-74; A. Georges,
D. Buytaert and L. Eeckhout, "Statistically rigorous Java performance evaluation", OOPSLA (2007) 57-76.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

LEVEL = 0.95
_NORMAL = 1.95996
_STEPS = 100


class Estimate(NamedTuple):
    """A positive value with its 95 % interval; the bounds are NaN where they are unknown."""

    value: float
    low: float
    high: float

    @property
    def excludes_one(self) -> bool | None:
        """Whether the interval, of a ratio, excludes 1; None where it is unknown."""
        return None if math.isnan(self.low) else not self.low <= 1 <= self.high


@lru_cache(maxsize=1024)
def student_t(degrees: float) -> float:
    """Return the two-sided 95 % quantile of Student's t distribution.

    Parameters
    ----------
    degrees
        Degrees of freedom, at least 1; need not be whole.

    Notes
    -----
    With ``t = sqrt(degrees) tan(x)`` the density becomes a power of ``cos(x)``, which Simpson's rule integrates.

    Examples
    --------
    >>> round(student_t(2), 3), round(student_t(9), 3)
    (4.303, 2.262)
    """
    if degrees > 1000:
        return _NORMAL
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(math.pi)

    def inside(angle: float) -> float:
        """Return the probability between the mirror image of an angle and the angle."""
        step = angle / _STEPS
        weights = (1 if i in (0, _STEPS) else 4 if i % 2 else 2 for i in range(_STEPS + 1))
        total = math.fsum(weight * math.cos(i * step) ** (degrees - 1) for i, weight in enumerate(weights))
        return 2 * scale * total * step / 3

    angle, step = 0.0, 1.0
    while step > 1e-9:  # Newton's method; since the density falls, no step is too large
        step = (LEVEL - inside(angle)) / (2 * scale * math.cos(angle) ** (degrees - 1))
        angle += step
    return math.sqrt(degrees) * math.tan(angle)


def over_rounds(values: Sequence[float]) -> Estimate:
    """Estimate a positive quantity from its value in each round.

    Parameters
    ----------
    values
        One value per round.

    Returns
    -------
    Estimate
        The geometric mean of the values, and Student's 95 % interval over their logarithms, whose ends are as far
        below as above the value, as factors.  The bounds are NaN for a single value, and where a value is not positive.
    """
    if not values or min(values) <= 0:
        return Estimate(statistics.fmean(values) if values else math.nan, math.nan, math.nan)
    logs = [math.log(value) for value in values]
    return _from_logs(statistics.fmean(logs), _standard_error(logs), len(logs) - 1)


def paired_ratio(these: Sequence[float], others: Sequence[float]) -> Estimate:
    """Estimate a ratio from the two values of each round: what both share in a round cancels out."""
    if any(value <= 0 for value in (*these, *others)):
        return Estimate(math.nan, math.nan, math.nan)
    return over_rounds([this / other for this, other in zip(these, others, strict=True)])


def independent_ratio(these: Sequence[float], others: Sequence[float]) -> Estimate:
    """Estimate a ratio from values of rounds at different times.

    Parameters
    ----------
    these, others
        One value per round, at least two of each.

    Notes
    -----
    The interval is that of B. L. Welch, "The generalization of 'Student's' problem when several different population
    variances are involved", Biometrika 34 (1947) 28-35, over the logarithms.
    """
    if (logs := _logs_of(these, others)) is None:
        return Estimate(math.nan, math.nan, math.nan)
    errors = [_standard_error(each) for each in logs]
    squares = [error * error for error in errors]
    total = sum(squares)
    spread = sum(square * square / (len(each) - 1) for square, each in zip(squares, logs, strict=True))
    degrees = total * total / spread if spread > 0 else min(map(len, logs)) - 1
    return _from_logs(statistics.fmean(logs[0]) - statistics.fmean(logs[1]), math.sqrt(total), degrees)


def shrunk_ratio(these: Sequence[float], others: Sequence[float]) -> float:
    """Estimate a ratio that is likely to be near 1 from values of rounds at different times.

    The less certain the ratio of the values is, the nearer to 1 is what is returned; NaN where its error is unknown.

    Parameters
    ----------
    these, others
        One value per round, at least two of each.

    Notes
    -----
    The mean of the normal posterior of the logarithm, for a prior around 0 whose variance is estimated from the ratio
    itself: an empirical Bayes rule as in B. Efron and C. Morris, "Stein's estimation rule and its competitors - an
    empirical Bayes approach", Journal of the American Statistical Association 68 (1973) 117-130.
    """
    if (logs := _logs_of(these, others)) is None:
        return math.nan
    error = math.hypot(*map(_standard_error, logs))
    difference = statistics.fmean(logs[0]) - statistics.fmean(logs[1])
    return math.exp(difference * (1 - (error / difference) ** 2)) if abs(difference) > error else 1.0


def _logs_of(these: Sequence[float], others: Sequence[float]) -> list[list[float]] | None:
    """Return the logarithms of both; None where there are too few values for an error, or none of a logarithm."""
    if min(len(these), len(others)) < 2 or any(value <= 0 for value in (*these, *others)):
        return None
    return [[math.log(value) for value in values] for values in (these, others)]


def _standard_error(values: Sequence[float]) -> float:
    """Return the standard error of a mean; NaN for a single value."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def _from_logs(mean: float, error: float, degrees: float) -> Estimate:
    half = student_t(degrees) * error if degrees >= 1 else math.nan
    return Estimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half))
