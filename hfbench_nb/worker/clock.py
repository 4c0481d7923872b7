"""Taking timing samples until they are precise enough.  Standard library only: the measuring process imports it."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from hfbench_nb.protocol.stats import relative_half_width, samples_needed
from hfbench_nb.protocol.timing import Timing

# A block of calls at least this long keeps the cost of reading the clock (about 0.1 us) below 0.1 %.
MIN_BLOCK_S = 100e-6
# Warm-up, the calls that read the memory included, lasts so long, or as long as the time budget if that is shorter.
# The very first call counts as none: on a GPU, or where something is compiled, it is long and warms nothing up.
WARMUP_S = 0.1
# A call counts as that long at least: what reading the clock between the calls takes is not in their times.
_SHORTEST_CALL_S = 1e-6
# Samples are spread over this time at least, or over the time budget: the speed of a machine that is shared changes
# within tenths of a second (a virtual processor was seen to take 1.8 times as long until its host moved it), and
# samples that lie closer together would all be of one speed, and look precise.
MIN_SAMPLING_S = 0.5
# The first look at the interval comes after this many samples, or as many as fit into the time.
PILOT_SAMPLES = 10
PILOT_S = 1.0
# The first look ends the sampling only if the interval is that much narrower than asked for: of few samples some are
# close together by luck, and to stop there would cost the interval its coverage.
PILOT_SHARE = 0.7
# More samples than this improve nothing that anyone can see, and a record must stay small.
MAX_SAMPLES = 10_000
# From one look to the next the number of samples grows by these factors at least and at most.  In between it is the
# number that the width of the interval promises to be enough, for a width of this share of what was asked for.
LOOK_GROWTH = (1.5, 5.0)
PLANNED_SHARE = 0.85


class Reading(NamedTuple):
    """What a stopwatch reads for one block of calls: seconds by the wall clock and, if it has one, by the device's."""

    wall_s: float
    device_s: float | None


class Stopwatch(Protocol):
    """Times a block of calls; the device is idle before and after."""

    def __call__(self, call: Callable[[], object], number: int) -> Reading:
        """Time `number` calls."""
        ...


def wall_clock(call: Callable[[], object], number: int) -> Reading:
    """Time `number` calls that return when their work is done (CPU)."""
    repeats = range(number)
    start = time.perf_counter()
    for _ in repeats:
        call()
    return Reading(time.perf_counter() - start, None)


class CountingStopwatch:
    """A stopwatch that also counts.

    Attributes
    ----------
    calls
        Calls timed so far.
    calls_s
        Seconds that they took.
    """

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self.calls = 0
        self.calls_s = 0.0

    def __call__(self, call: Callable[[], object], number: int) -> Reading:
        """Time `number` calls."""
        reading = self._stopwatch(call, number)
        self.calls += number
        self.calls_s += reading.wall_s
        return reading


def take_samples(
    call: Callable[[], object],
    stopwatch: Stopwatch,
    *,
    repeat: int,
    precision: float,
    max_seconds: float,
    calls_before: Sequence[Reading] = (),
    on_progress: Callable[[int, float], None] = lambda samples, half_width: None,
    now: Callable[[], float] = time.perf_counter,
) -> Timing:
    """Time a call until the median is known precisely or the time budget is spent.

    Parameters
    ----------
    call
        What to time.
    stopwatch
        Times a block of calls.
    repeat
        Smallest number of samples.
    precision
        Sampling stops once the 95 % interval of the median reaches no further than this share of the median to
        either side on average.
    max_seconds
        Time budget, seconds, warm-up apart; exceeded only for the sake of `repeat`.
    calls_before
        Readings of the calls that were made before, one call each: those after the first count as warm-up. Those that
        took as long as a warm-up alone were warm, and are the first samples: a slow model is not run for nothing.
    on_progress
        Told the number of samples and the relative half width of the interval at each look.
    now
        The clock of the budget, seconds.

    Returns
    -------
    Timing
        Every sample: seconds for one call.

    Notes
    -----
    Stopping at the first of many looks at which the interval is narrow enough would take the narrow ones among the
    intervals, and those hold the median too rarely.  So a first sample tells how many are needed, as in two-stage
    sampling (C. Stein, Annals of Mathematical Statistics 16 (1945) 243-258); there are one to three looks as a rule,
    and the level of the interval makes up for what they cost (see `hfbench_nb.stats`).
    """
    with _no_garbage_collection():
        one_call_s = _warm_up(call, stopwatch, calls_before, min(WARMUP_S, max_seconds))
        number = max(1, math.ceil(MIN_BLOCK_S / max(one_call_s, 1e-9)))
        readings = [reading for reading in calls_before[1:] if number == 1 and reading.wall_s >= WARMUP_S]
        samples = [reading.wall_s for reading in readings]
        start = now() - sum(samples)  # these are part of the budget, too
        planned: int | None = None
        while True:
            reading = stopwatch(call, number)
            readings.append(reading)
            samples.append(reading.wall_s / number)
            elapsed, taken = now() - start, len(samples)
            spent = elapsed >= max_seconds or taken >= MAX_SAMPLES
            is_pilot_over = (taken >= PILOT_SAMPLES and elapsed >= MIN_SAMPLING_S) or elapsed >= PILOT_S
            due = is_pilot_over if planned is None else taken >= planned
            if taken < repeat or not (due or spent):
                continue
            half_width = relative_half_width(samples)
            on_progress(taken, half_width)
            if spent or half_width <= precision * (PILOT_SHARE if planned is None else 1.0):
                break
            planned = _plan(samples, precision)
    return Timing(
        samples_s=tuple(samples),
        calls_per_sample=number,
        precision=precision,
        device_samples_s=tuple(reading.device_s / number for reading in readings if reading.device_s is not None),
    )


def _plan(samples: Sequence[float], precision: float) -> int:
    """Give the number of samples at the next look."""
    smallest, largest = (math.ceil(len(samples) * factor) for factor in LOOK_GROWTH)
    wanted = samples_needed(samples, precision * PLANNED_SHARE)
    return max(smallest, math.ceil(wanted)) if wanted < largest else largest


def _warm_up(
    call: Callable[[], object], stopwatch: Stopwatch, calls_before: Sequence[Reading], warmup_s: float
) -> float:
    """Call until caches, clocks and thread pools are warm; return the seconds of the fastest call."""
    calls_s = [reading.wall_s for reading in calls_before[1:]]
    fastest_s, total_s = min(calls_s, default=math.inf), sum(calls_s)
    while fastest_s == math.inf or total_s < warmup_s:
        call_s = stopwatch(call, 1).wall_s
        fastest_s = min(fastest_s, call_s)
        total_s += max(call_s, _SHORTEST_CALL_S)
    return fastest_s


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of the samples, as `timeit` does."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
