"""Taking timing samples until they are precise enough.  Standard library only: the worker imports it."""

from __future__ import annotations

import gc
import itertools
import math
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from hfbench_nb.protocol.stats import relative_half_width, samples_needed
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.worker.reference import Reference

# A block of calls at least this long keeps the cost of reading the clock (about 0.1 us) below 0.1 %.
MIN_BLOCK_S = 100e-6
# Duration of the warm-up, or the time budget if that is shorter.  The very first call is made before and does not
# count: on a GPU, or where something is compiled, it is long and warms nothing up.
WARMUP_S = 0.1
# Each call counts as at least this long: the time spent reading the clock between calls is not part of theirs.
_SHORTEST_CALL_S = 1e-6
# Samples are spread over at least this time, or over the time budget: the speed of a shared machine changes within
# tenths of a second (a virtual processor was seen to take 1.8 times as long until its host moved it), and samples
# closer together would all be taken at one speed, and look precise.
MIN_SAMPLING_S = 0.5
# The first call counts as a sample if it takes at least this long and the case has further rounds: what a process does
# once is then little beside it, and each call takes long.
FIRST_CALL_COUNTS_S = 5.0
# The interval is first checked after this many samples, or as many as fit into this time.
PILOT_SAMPLES = 10
PILOT_S = 1.0
# The first check ends the sampling only if the interval is this much narrower than requested: a few samples may be
# close together by chance, and stopping there would reduce the coverage of the interval.
PILOT_SHARE = 0.7
# More samples than this bring no visible improvement, and a record must stay small.
MAX_SAMPLES = 10_000
# From one check to the next, the number of samples grows at least and at most by these factors.  Between them, it is
# the number that should be enough, judging by the current interval, for a width of this share of the requested one.
LOOK_GROWTH = (1.5, 5.0)
PLANNED_SHARE = 0.85


class Reading(NamedTuple):
    """A stopwatch's reading for one block of calls: seconds by the wall clock and, where there is one, the device's."""

    wall_s: float
    device_s: float | None


Parts = Callable[[int], Mapping[str, Sequence[float]]]
"""Returns the durations of the parts of the last `n` calls, seconds, by name, in the order of the calls."""


def once_per_call(parts: Mapping[str, Sequence[float]], calls: int) -> list[Sequence[float]]:
    """Return the durations of the parts that each of a number of calls has once."""
    return [durations for durations in parts.values() if len(durations) == calls]


class Stopwatch(Protocol):
    """Times a block of calls; the device is idle before and after the block."""

    def __call__(self, call: Callable[[], object], number: int) -> Reading:
        """Time `number` calls."""
        ...


def wall_clock(call: Callable[[], object], number: int) -> Reading:
    """Time `number` calls that return once their work is done (CPU)."""
    repeats = range(number)
    start = time.perf_counter()
    for _ in repeats:
        call()
    return Reading(time.perf_counter() - start, None)


class CountingStopwatch:
    """A stopwatch that also counts calls and adds up their time.

    Attributes
    ----------
    calls
        Number of calls timed so far.
    calls_s
        Their total time, seconds.
    last_s
        Time of the last block of calls, seconds.
    """

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self.calls = 0
        self.calls_s = 0.0
        self.last_s = 0.0

    def __call__(self, call: Callable[[], object], number: int) -> Reading:
        """Time `number` calls."""
        reading = self._stopwatch(call, number)
        self.calls += number
        self.calls_s += reading.wall_s
        self.last_s = reading.wall_s
        return reading


def take_samples(
    call: Callable[[], object],
    stopwatch: Stopwatch,
    *,
    repeat: int,
    precision: float,
    max_seconds: float,
    parts: Parts | None = None,
    rounds: int = 1,
    first: Reading | None = None,
    reference: Reference | None = None,
    on_progress: Callable[[int, float], None] = lambda samples, half_width: None,
    now: Callable[[], float] = time.perf_counter,
) -> Timing:
    """Time a call until the median is precise enough or the time budget is spent.

    Parameters
    ----------
    call
        The call to time, which has been made at least once.
    stopwatch
        Times a block of calls.
    repeat
        Minimum number of samples.
    precision
        Sampling stops once half the width of the median's 95 % interval is at most this share of the median.
    max_seconds
        Time budget, seconds, excluding warm-up; exceeded only to reach `repeat` samples.
    parts
        Returns the durations of the parts of the last calls, the number of which it is given.  The parts that each call
        has once must be precise enough then, in place of the whole call.
    rounds
        Number of rounds of the case.  This is one of them: it takes its share of the warm-up, of the time over which
        samples are spread, of `repeat` and of `max_seconds`, and may be less precise than all of them together.
    first
        The reading of the very first call, if that may count as a sample.
    reference
        A piece of work to time between the samples, which has begun.
    on_progress
        Called at each check with the number of samples and the relative half width of the interval.
    now
        The clock for the time budget, seconds.

    Returns
    -------
    Timing
        All samples, seconds per call.

    Notes
    -----
    Checking often and stopping at the first interval that is narrow enough would select the narrow intervals, which
    contain the median too rarely.  Instead, a first set of samples determines how many are needed, as in two-stage
    sampling (C. Stein, Annals of Mathematical Statistics 16 (1945) 243-258); there are usually one to three checks, and
    the level of the interval compensates for the coverage they cost (see `hfbench_nb.protocol.stats`).
    """
    wanted, max_seconds, repeat = precision * math.sqrt(rounds), max_seconds / rounds, math.ceil(repeat / rounds)
    with _no_garbage_collection():
        if first is not None and rounds > 1 and first.wall_s >= FIRST_CALL_COUNTS_S:
            one_call_s, warm = first.wall_s, [first]
        else:
            one_call_s, warm = _warm_up(call, stopwatch, min(WARMUP_S / rounds, max_seconds))
        number = max(1, math.ceil(MIN_BLOCK_S / max(one_call_s, 1e-9)))
        start = now() - sum(reading.wall_s for reading in warm)  # these count towards the budget too
        # Arrays, which are small: the samples are in memory while the peak is read.
        samples, device_samples_s = array("d"), array("d")
        planned: int | None = None
        for reading in itertools.chain(warm, iter(lambda: stopwatch(call, number), None)):
            samples.append(reading.wall_s / number)
            if reading.device_s is not None:
                device_samples_s.append(reading.device_s / number)
            elapsed, taken = now() - start, len(samples)
            spent = elapsed * (1 + 1 / taken) > max_seconds or taken >= MAX_SAMPLES  # one more would exceed it
            if reference is not None:
                reference.take(elapsed)
            is_pilot_over = (taken >= PILOT_SAMPLES and elapsed >= MIN_SAMPLING_S / rounds) or elapsed >= PILOT_S
            due = is_pilot_over if planned is None else taken >= planned
            if taken < repeat or not (due or spent):
                continue
            decisive = [samples] if parts is None else once_per_call(parts(taken), taken)
            half_width = max(map(relative_half_width, decisive))
            on_progress(taken, half_width)
            if spent or half_width <= wanted * (PILOT_SHARE if planned is None else 1.0):
                break
            planned = max(_plan(each, wanted) for each in decisive)
    return Timing(
        samples_s=tuple(samples),
        calls_per_sample=number,
        precision=precision,
        device_samples_s=tuple(device_samples_s),
        reference_s=() if reference is None else tuple(reference.readings_s),
    )


def _plan(samples: Sequence[float], precision: float) -> int:
    """Return the number of samples at which to check next."""
    smallest, largest = (math.ceil(len(samples) * factor) for factor in LOOK_GROWTH)
    wanted = samples_needed(samples, precision * PLANNED_SHARE)
    return max(smallest, math.ceil(wanted)) if wanted < largest else largest


def _warm_up(call: Callable[[], object], stopwatch: Stopwatch, warmup_s: float) -> tuple[float, list[Reading]]:
    """Call until caches, clocks and thread pools are warm.

    Returns
    -------
    fastest_s
        Time of the fastest call, seconds.
    warm
        The reading of a call that took at least as long as a whole warm-up: it was warm, and becomes the first sample,
        so that no run of a slow model is wasted.
    """
    fastest_s, total_s = math.inf, 0.0
    while True:
        reading = stopwatch(call, 1)
        fastest_s = min(fastest_s, reading.wall_s)
        total_s += max(reading.wall_s, _SHORTEST_CALL_S)
        if total_s >= warmup_s:
            return fastest_s, [reading] if fastest_s >= WARMUP_S else []


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
