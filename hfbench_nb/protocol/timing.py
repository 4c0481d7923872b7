"""The timing samples of a case and their statistics.  Standard library only: the worker imports it."""

from __future__ import annotations

import itertools
import math
import operator
import statistics
from dataclasses import dataclass
from functools import cached_property

from hfbench_nb.protocol.round_stats import Estimate, over_rounds
from hfbench_nb.protocol.stats import median_interval


@dataclass(frozen=True)
class Timing:
    """Timing samples of one case.

    Attributes
    ----------
    samples_s
        Seconds for one call, shape ``(n,)``, in the order taken.
    calls_per_sample
        Number of calls that each sample is the mean of.
    precision
        Requested relative half width of the 95 % interval of the median; None if none was requested.
    device_samples_s
        The same, seconds, measured by the device's own events; shape ``(n,)`` or empty.
    reference_s
        Seconds for the backend's reference piece of work, timed now and then between the samples; may be empty.
    round_sizes
        Number of the samples that belong to each round, in order; empty where there was one round.
    """

    samples_s: tuple[float, ...]
    calls_per_sample: int = 1
    precision: float | None = None
    device_samples_s: tuple[float, ...] = ()
    reference_s: tuple[float, ...] = ()
    round_sizes: tuple[int, ...] = ()

    def check(self) -> None:
        """Raise a `ValueError` if no clock can have produced such samples."""
        if not self.samples_s:
            raise ValueError("samples_s must hold at least one number")
        if min(*self.samples_s, *self.device_samples_s, *self.reference_s, 0.0) < 0:
            raise ValueError("a sample cannot be negative")
        if self.round_sizes and (min(self.round_sizes) < 1 or sum(self.round_sizes) != len(self.samples_s)):
            raise ValueError("round_sizes must add up to the number of samples")
        if self.calls_per_sample < 1 or not (self.precision is None or 0 < self.precision < 1):
            raise ValueError("calls_per_sample must be at least 1, and precision between 0 and 1")

    # Each statistic is computed once: tables, frame, report and plots request the same ones for up to 10,000 samples.

    @cached_property
    def _ordered_s(self) -> list[float]:
        return sorted(self.samples_s)

    @property
    def rounds_s(self) -> list[tuple[float, ...]]:
        """The samples of each round, seconds."""
        ends = list(itertools.accumulate(self.round_sizes or (len(self.samples_s),)))
        return [self.samples_s[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    @cached_property
    def _estimate(self) -> Estimate:
        if len(self.round_sizes) < 2:
            low_s, high_s = median_interval(self.samples_s)
            return Estimate(statistics.median(self._ordered_s), low_s, high_s)
        return over_rounds([statistics.median(samples_s) for samples_s in self.rounds_s])

    @property
    def median_s(self) -> float:
        """Median of the samples, seconds: the headline metric.

        Of several rounds: the geometric mean of their medians.
        """
        return self._estimate.value

    @property
    def interval_s(self) -> tuple[float, float]:
        """95 % confidence interval of the median, seconds.

        With several rounds it covers what differs between them; see `hfbench_nb.protocol.round_stats.over_rounds`.
        """
        return self._estimate.low, self._estimate.high

    @property
    def relative_half_width(self) -> float:
        """Half the width of `interval_s` as a share of the median; infinite for a single sample."""
        low_s, high_s = self.interval_s
        return math.inf if math.isnan(low_s) or self.median_s <= 0 else (high_s - low_s) / 2 / self.median_s

    @property
    def min_s(self) -> float:
        """Smallest sample, seconds."""
        return self._ordered_s[0]

    @property
    def max_s(self) -> float:
        """Largest sample, seconds."""
        return self._ordered_s[-1]

    @cached_property
    def mean_s(self) -> float:
        """Mean of the samples, seconds."""
        return statistics.fmean(self._ordered_s)

    @cached_property
    def std_s(self) -> float:
        """Standard deviation of the samples, seconds; NaN for a single one."""
        n = len(self.samples_s)
        if n < 2:
            return math.nan
        # statistics.stdev computes with fractions, which takes ten times as long.
        mean_s = self.mean_s
        deviations_s = [sample - mean_s for sample in self.samples_s]
        return math.sqrt(math.fsum(map(operator.mul, deviations_s, deviations_s)) / (n - 1))

    def quantile_s(self, share: float) -> float:
        """Return the value below which a share of the samples lies, seconds, interpolated between its neighbours."""
        place = share * (len(self._ordered_s) - 1)
        lower = int(place)
        low_s, high_s = self._ordered_s[lower], self._ordered_s[min(lower + 1, len(self._ordered_s) - 1)]
        return low_s + (place - lower) * (high_s - low_s)

    def tail_s(self, percent: int) -> float:
        """Return the time that a percentage of the calls does not exceed, seconds.

        NaN where the samples do not show it: if fewer than one of them lies beyond, or each is the mean of several
        calls.
        """
        is_shown = self.calls_per_sample == 1 and len(self.samples_s) * (100 - percent) >= 100
        return self.quantile_s(percent / 100) if is_shown else math.nan

    @property
    def noisy(self) -> bool:
        """Whether the interval stayed wider than requested, be it by noise, a drift or disturbances."""
        return self.precision is not None and self.relative_half_width > self.precision
