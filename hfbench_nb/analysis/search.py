"""Which size to try next, when the largest one that fits is looked for."""

from __future__ import annotations

from collections.abc import Callable

# How many times larger than the largest that ran a probe may be, where nothing but measurements tells what it needs,
# or an estimate says that anything fits.
_GROWTH = 8
# After this many probes, halving ends the search whatever the memory does.
_GUESSES = 6


class Search:
    """A search for the largest size that needs no more than a limit.

    What a size needs grows with it.  The next probe is where what was measured so far, carried on along the estimate's
    curve or else along a line, meets the limit; the search ends when a size is known to fit and the next one not to.

    Parameters
    ----------
    limit
        The limit, in any unit.
    maximum
        The largest size that may be tried.
    curve
        Estimates what a size needs beside a constant, in the same unit; None where nothing is known.
    constant
        What the constant may be, before anything is measured.
    minimum
        The smallest size there is.

    Attributes
    ----------
    largest
        The largest size that was found to fit; one less than the smallest size if none was.
    smallest_too_large
        The smallest size that was found not to fit; None if none was.
    """

    def __init__(
        self,
        limit: float,
        maximum: int,
        curve: Callable[[int], float] | None = None,
        constant: float = 0.0,
        minimum: int = 1,
    ) -> None:
        self._limit, self._maximum = limit, maximum
        self._curve, self._constant = curve, constant
        self._needed: dict[int, float] = {}
        self._probes = 0
        self._is_unknown = False
        self.largest = minimum - 1
        self.smallest_too_large: int | None = None

    def next_size(self) -> int | None:
        """Return the next size to try; None once the search has ended."""
        low, high = self.largest, self._maximum + 1 if self.smallest_too_large is None else self.smallest_too_large
        if high - low <= 1:
            return None
        if self.smallest_too_large is not None and (self._is_unknown or self._probes >= _GUESSES):
            return (low + high) // 2
        return min(max(self._guess(low, high), low + 1), high - 1)

    def tell(self, size: int, needed: float | None) -> None:
        """Record what a size needs; None if it was too large to be measured: the search then halves."""
        self._probes += 1
        self._is_unknown = needed is None
        if needed is not None:
            self._needed[size] = needed
        if needed is not None and needed <= self._limit:
            self.largest = max(self.largest, size)
        else:
            self.smallest_too_large = min(size, self.smallest_too_large or size)

    def end_at(self, size: int) -> None:
        """Record that a size, and with it any larger one, is impossible whatever it needs."""
        self.smallest_too_large = min(size, self.smallest_too_large or size)

    def _guess(self, low: int, high: int) -> int:
        """Return the largest size that seems to fit."""
        expected = self._expected()
        if expected is None:
            return max(1, low * _GROWTH)
        is_bounded = self._curve is not None and expected(high - 1) > self._limit
        within = high - 1 if is_bounded else min(high - 1, max(1, low) * _GROWTH)
        fits, too_large = low, within + 1
        while too_large - fits > 1:
            middle = (fits + too_large) // 2
            if expected(middle) <= self._limit:
                fits = middle
            else:
                too_large = middle
        return fits

    def _expected(self) -> Callable[[int], float] | None:
        """Return what a size is expected to need: the curve, through what was measured closest to the limit."""
        curve = self._curve
        points = sorted(self._needed.items(), key=lambda point: abs(point[1] - self._limit))
        if curve is None:
            # Sorted by size: a quadratic through the three closest never falls.
            return None if len(points) < 2 else quadratic_through(sorted(points[:3]))
        if not points:
            return lambda size: self._constant + curve(size)
        (a, at_a) = points[0]
        factor = 1.0
        if len(points) > 1 and curve(points[1][0]) != curve(a):
            b, at_b = points[1]
            factor = (at_b - at_a) / (curve(b) - curve(a))
        if factor <= 0:
            factor = 1.0
        return lambda size: at_a + factor * (curve(size) - curve(a))


def quadratic_through(points: list[tuple[int, float]]) -> Callable[[int], float]:
    """Return the polynomial of least degree through at most three points, which never falls.

    Memory grows with a batch linearly, and with a length at most quadratically.

    Examples
    --------
    >>> curve = quadratic_through([(1, 3.0), (2, 6.0), (4, 18.0)])
    >>> curve(8)
    66.0
    """
    if len(points) == 1:
        return lambda size: points[0][1]
    (a, at_a), (b, at_b) = points[-2:]
    slope, bend = max(0.0, (at_b - at_a) / (b - a)), 0.0
    if len(points) > 2:
        first, at_first = points[0]
        bend = max(0.0, (slope - (at_a - at_first) / (a - first)) / (b - first))
    return lambda size: at_a + (size - a) * (slope + bend * (size - b))
