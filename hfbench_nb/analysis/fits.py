"""Fitting a metric's growth with the sequence length by up to three terms, chosen by cross-validation."""

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
"""Minimum number of different sequence lengths for a fit: leaving one out must leave two."""

# Relative error that is treated as zero: it is below the resolution of the measurements.
_NEGLIGIBLE = 0.002

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
        Root mean square of the relative errors at each point when the curve is fitted without that point.
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


def fit_curve(sequence_lengths: Sequence[float], values: Sequence[float]) -> Fit:
    """Fit a curve with the terms that cross-validation finds necessary.

    Parameters
    ----------
    sequence_lengths
        Tokens, shape ``(n,)``.
    values
        The metric at each length, above 0, shape ``(n,)``, in any unit.

    Returns
    -------
    Fit
        The fitted curve, with non-negative coefficients.

    Raises
    ------
    ValueError
        If there are fewer than `LEAST_LENGTHS` different lengths, or a value is not above 0.

    Notes
    -----
    Relative errors are minimised, since times span decades: least squares of ``fitted / measured - 1`` (C. Tofallis,
    "Least squares percentage regression", Journal of Modern Applied Statistical Methods 7 (2008) 526-534).  Of the
    seven sets of terms, only those with all coefficients positive are candidates; the best of them is the solution of
    non-negative least squares (C. L. Lawson and R. J. Hanson, "Solving Least Squares Problems" (1974), chapter 23).

    Each point is left out in turn and predicted from the others (M. Stone, "Cross-validatory choice and assessment of
    statistical predictions", Journal of the Royal Statistical Society B 36 (1974) 111-147).  The candidate with the
    fewest terms whose mean squared error is within one standard error of the smallest is chosen (L. Breiman, J. H.
    Friedman, R. A. Olshen and C. J. Stone, "Classification and Regression Trees" (1984), section 3.4.3).  With the
    usual four lengths, a small-sample information criterion such as AICc is not defined for more than one term.
    """
    n, y = np.asarray(sequence_lengths, dtype=float), np.asarray(values, dtype=float)
    different = len(set(n.tolist()))
    if different < LEAST_LENGTHS:
        raise ValueError(f"a fit needs at least {LEAST_LENGTHS} sequence lengths, not {different}")
    if not (y > 0).all():
        raise ValueError("a fit needs values above 0")
    candidates = []
    for powers in _sets(min(3, different - 1)):
        coefficients = _least_squares(n, y, powers)
        if coefficients is not None:
            errors = _left_out_errors(n, y, powers)
            candidates.append((powers, coefficients, errors))
    # A single term is always positive, so there are candidates.
    best = min((errors for *_, errors in candidates), key=lambda errors: float(errors.mean()))
    limit = best.mean() + best.std(ddof=1) / math.sqrt(len(n)) + _NEGLIGIBLE**2
    good = [candidate for candidate in candidates if candidate[2].mean() <= limit]
    _, coefficients, errors = min(good, key=lambda candidate: (len(candidate[0]), candidate[2].mean()))
    fitted = sum(c * n**power for power, c in enumerate(coefficients))
    constant, linear, quadratic = coefficients
    return Fit((constant, linear, quadratic), tuple((fitted / y - 1).tolist()), math.sqrt(errors.mean()))


def _sets(most: int) -> list[tuple[int, ...]]:
    """Return the sets of up to `most` powers of the sequence length, smaller sets first."""
    return [powers for size in range(1, most + 1) for powers in itertools.combinations(range(3), size)]


def _least_squares(n: _Array, y: _Array, powers: tuple[int, ...]) -> list[float] | None:
    """Return the three coefficients with the smallest relative errors; None if one for `powers` is not above 0."""
    columns = np.stack([n**power / y for power in powers], axis=1)
    sizes = np.linalg.norm(columns, axis=0)
    found = np.linalg.lstsq(columns / sizes, np.ones(len(n)), rcond=None)[0] / sizes
    if not (found > 0).all():
        return None
    coefficients = [0.0, 0.0, 0.0]
    for power, value in zip(powers, found.tolist(), strict=True):
        coefficients[power] = value
    return coefficients


def _left_out_errors(n: _Array, y: _Array, powers: tuple[int, ...]) -> _Array:
    """Return the squared relative error at each point of the curve fitted to the others, shape ``(n,)``."""
    errors = []
    for i in range(len(n)):
        others = np.arange(len(n)) != i
        coefficients = _not_negative(n[others], y[others], powers)
        predicted = sum(c * n[i] ** power for power, c in enumerate(coefficients))
        errors.append((predicted / y[i] - 1) ** 2)
    return np.asarray(errors)


def _not_negative(n: _Array, y: _Array, powers: tuple[int, ...]) -> list[float]:
    """Solve non-negative least squares: return the best of the all-positive solutions for the subsets of `powers`."""
    fits = [_least_squares(n, y, subset) for subset in _sets(3) if set(subset) <= set(powers)]
    return min(
        (coefficients for coefficients in fits if coefficients is not None),
        key=lambda coefficients: float(((sum(c * n**p for p, c in enumerate(coefficients)) / y - 1) ** 2).sum()),
    )
