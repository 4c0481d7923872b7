"""Fitting a metric's growth with the sequence length by up to three terms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TERMS = ("constant", "linear", "quadratic")
"""The terms of a fit, in the order of their power of the sequence length."""

LEAST_LENGTHS = 3
"""Minimum number of different sequence lengths for a fit: a slope through two points could not be wrong."""

LARGEST_MISS = 1.2
"""Factor by which a fit may miss a value that lies outside its interval; one that misses more is no fit."""

# From as many lengths on, cross-validation chooses the terms; fewer support one slope, and no choice.
_LENGTHS_TO_CHOOSE = 4

# Relative error that is treated as zero: it is below the resolution of the measurements.
_NEGLIGIBLE = 0.002

# Newton's method takes about five.
_MOST_STEPS = 100

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A fitted curve: a metric as ``constant + linear * n + quadratic * n**2`` of the sequence length ``n`` in tokens.

    Attributes
    ----------
    coefficients
        Of the three terms: in the metric's unit, per token, and per token squared; 0 for a term not chosen.
    residuals
        Relative residuals, ``fitted / measured - 1``, shape ``(n,)``, in the order of the given points.
    cross_validation_error
        Root mean square of the logarithms of ``fitted / measured`` at each point when the curve is fitted without that
        point; NaN where three lengths left nothing to choose.
    """

    coefficients: tuple[float, float, float]
    residuals: tuple[float, ...]
    cross_validation_error: float

    @property
    def terms(self) -> tuple[str, ...]:
        """The chosen terms."""
        return tuple(name for name, value in zip(TERMS, self.coefficients, strict=True) if value > 0)

    @property
    def residual(self) -> float:
        """Root mean square of the relative residuals."""
        return math.sqrt(sum(r * r for r in self.residuals) / len(self.residuals))

    @property
    def quadratic_from(self) -> float:
        """Sequence length above which the quadratic part exceeds the other two together; NaN without such a part."""
        constant, linear, quadratic = self.coefficients
        if quadratic <= 0:
            return math.nan
        return (linear + math.sqrt(linear * linear + 4 * quadratic * constant)) / (2 * quadratic)

    def __call__(self, sequence_length: ArrayLike) -> Any:
        """Return the fitted metric at one or more sequence lengths, in its unit and with their shape."""
        n = np.asarray(sequence_length, dtype=float)
        return sum(c * n**power for power, c in enumerate(self.coefficients))

    def shares(self, sequence_length: float) -> tuple[float, float, float]:
        """Return the share of each term in the total at a sequence length."""
        constant, linear, quadratic = (c * sequence_length**power for power, c in enumerate(self.coefficients))
        whole = constant + linear + quadratic
        return constant / whole, linear / whole, quadratic / whole


def fit_curve(
    sequence_lengths: Sequence[float],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]] | None = None,
) -> Fit:
    """Fit a curve with the terms that are necessary.

    Parameters
    ----------
    sequence_lengths
        Tokens, shape ``(n,)``.
    values
        The metric at each length, above 0, shape ``(n,)``, in any unit.
    intervals
        Lower and upper end of the interval of each value, in the same unit; NaN, or None for all, where it is unknown.

    Returns
    -------
    Fit
        The fitted curve, with non-negative coefficients.

    Raises
    ------
    ValueError
        If there are fewer than `LEAST_LENGTHS` different lengths, a value is not above 0, or the best curve misses a
        value by more than `LARGEST_MISS` and its interval.

    Notes
    -----
    Errors count in ratio, since times span decades: a value that is twenty times too small is as wrong as one that is
    twenty times too large.  What is minimised is the sum of ``fitted / measured + measured / fitted``, which for small
    errors is that of their squares; it is convex in the coefficients, so that Newton's method finds the only minimum
    (S. Boyd and L. Vandenberghe, "Convex Optimization" (2004), section 9.5).  Only sets of terms with all coefficients
    positive are candidates: the best of them is the solution with non-negative coefficients (C. L. Lawson and
    R. J. Hanson, "Solving Least Squares Problems" (1974), chapter 23).

    Of three lengths, the fit is the closest one with a constant and a linear term, or one of them.  Of more, each point
    is left out in turn and predicted from the others (M. Stone, "Cross-validatory choice and assessment of statistical
    predictions", Journal of the Royal Statistical Society B 36 (1974) 111-147).  The candidate with the fewest terms
    whose mean squared error is within one standard error of the smallest is chosen (L. Breiman, J. H. Friedman,
    R. A. Olshen and C. J. Stone, "Classification and Regression Trees" (1984), section 3.4.3).  With the usual four
    lengths, a small-sample information criterion such as AICc is not defined for more than one term.
    """
    n, y = np.asarray(sequence_lengths, dtype=float), np.asarray(values, dtype=float)
    different = len(set(n.tolist()))
    if different < LEAST_LENGTHS:
        raise ValueError(f"a fit needs at least {LEAST_LENGTHS} sequence lengths, not {different}")
    if not (y > 0).all():
        raise ValueError("a fit needs values above 0")
    if different < _LENGTHS_TO_CHOOSE:
        coefficients, error = _not_negative(n, y, (0, 1)), math.nan
    else:
        coefficients, error = _choose(n, y, most=min(3, different - 1))
    fitted = _curve(coefficients, n)
    _check_misses(n, y, fitted, intervals)
    constant, linear, quadratic = coefficients
    return Fit((constant, linear, quadratic), tuple((fitted / y - 1).tolist()), error)


def _choose(n: _Array, y: _Array, most: int) -> tuple[list[float], float]:
    """Return the coefficients of the terms that cross-validation finds necessary, and its error."""
    candidates = []
    for powers in _sets(most):
        coefficients = _closest(n, y, powers)
        if coefficients is not None:
            candidates.append((powers, coefficients, _left_out_errors(n, y, powers)))
    # A single term is always positive, so there are candidates.
    best = min((errors for *_, errors in candidates), key=lambda errors: float(errors.mean()))
    limit = best.mean() + best.std(ddof=1) / math.sqrt(len(n)) + _NEGLIGIBLE**2
    good = [candidate for candidate in candidates if candidate[2].mean() <= limit]
    _, coefficients, errors = min(good, key=lambda candidate: (len(candidate[0]), candidate[2].mean()))
    return coefficients, math.sqrt(errors.mean())


def _check_misses(n: _Array, y: _Array, fitted: _Array, intervals: Sequence[tuple[float, float]] | None) -> None:
    """Raise if a curve misses a value by more than can be its error."""
    for i in np.argsort(-np.abs(np.log(fitted / y))):
        low, high = (math.nan, math.nan) if intervals is None else intervals[i]
        factor = max(fitted[i] / y[i], y[i] / fitted[i])
        if factor > LARGEST_MISS and not low <= fitted[i] <= high:
            raise ValueError(f"the closest curve misses the value at {n[i]:,.0f} tokens by a factor of {factor:.3g}")


def _sets(most: int) -> list[tuple[int, ...]]:
    """Return the sets of up to `most` powers of the sequence length, smaller sets first."""
    return [powers for size in range(1, most + 1) for powers in itertools.combinations(range(3), size)]


def _curve(coefficients: Sequence[float], n: _Array) -> _Array:
    total: _Array = sum((c * n**power for power, c in enumerate(coefficients)), start=np.zeros(len(n)))
    return total


def _closest(n: _Array, y: _Array, powers: tuple[int, ...]) -> list[float] | None:
    """Return the three coefficients of the smallest errors in ratio; None if one for `powers` is not above 0."""
    columns = np.stack([n**power for power in powers], axis=1)
    sizes = (columns / y[:, None]).max(axis=0)
    columns = columns / sizes / y[:, None]  # the curve is to be 1 at each point
    found = np.linalg.lstsq(columns, np.ones(len(n)), rcond=None)[0]  # the smallest relative errors, which is near
    if not (columns @ found > 0).all():
        found = (1 / columns).mean(axis=0) / len(powers)
    for _ in range(_MOST_STEPS):
        curve = columns @ found
        gradient = columns.T @ (1 - curve**-2.0)
        step = -np.linalg.lstsq((columns.T * (2 * curve**-3.0)) @ columns, gradient, rcond=None)[0]
        length = 1.0
        while (columns @ (found + length * step) <= curve / 4).any():  # the curve stays above 0
            length /= 2
        found = found + length * step
        if np.abs(length * step).max() <= 1e-9 * np.abs(found).max():
            break
    if not (found > 0).all():
        return None
    coefficients = [0.0, 0.0, 0.0]
    for power, value in zip(powers, (found / sizes).tolist(), strict=True):
        coefficients[power] = value
    return coefficients


def _left_out_errors(n: _Array, y: _Array, powers: tuple[int, ...]) -> _Array:
    """Return the squared error, in ratio, at each point of the curve fitted to the others, shape ``(n,)``."""
    errors = []
    for i in range(len(n)):
        others = np.arange(len(n)) != i
        predicted = _curve(_not_negative(n[others], y[others], powers), n[i : i + 1])[0]
        errors.append(math.log(predicted / y[i]) ** 2)
    return np.asarray(errors)


def _not_negative(n: _Array, y: _Array, powers: tuple[int, ...]) -> list[float]:
    """Return the best of the all-positive solutions for the subsets of `powers`."""
    fits = [_closest(n, y, subset) for subset in _sets(3) if set(subset) <= set(powers)]
    return min((found for found in fits if found is not None), key=lambda found: _error(_curve(found, n) / y))


def _error(ratios: _Array) -> float:
    return float((ratios + 1 / ratios).sum())
