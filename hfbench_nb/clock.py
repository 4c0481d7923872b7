"""Taking timing samples until they are precise enough.  Standard library only: the measuring process imports it."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from hfbench_nb.records import Timing
from hfbench_nb.stats import relative_half_width

# A block of calls at least this long keeps the cost of reading the clock (about 0.1 us) below 0.1 %.
MIN_BLOCK_S = 100e-6
# Warm-up, the calls that read the memory included: until this time or this many calls, whichever comes first.
WARMUP_S = 0.1
WARMUP_CALLS = 10
# Fewer samples than this say little about the spread; taken only while they fit into the time below.
WISHED_SAMPLES = 10
WISHED_S = 1.0
# More samples than this improve nothing that anyone can see, and a record must stay small.
MAX_SAMPLES = 10_000
# How much the number of samples grows from one look at the interval to the next: looking often and stopping at the
# first lucky look would cost the interval its coverage.
LOOK_GROWTH = 1.5


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


def take_samples(
    call: Callable[[], object],
    stopwatch: Stopwatch,
    *,
    repeat: int,
    precision: float,
    max_seconds: float,
    calls_before_s: Sequence[float] = (),
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
    calls_before_s
        Seconds of the calls that were made before: they count as warm-up.
    on_progress
        Told the number of samples and the relative half width of the interval at each look.
    now
        The clock of the budget, seconds.

    Returns
    -------
    Timing
        Every sample: seconds for one call.
    """
    with _no_garbage_collection():
        one_call_s = _warm_up(call, stopwatch, calls_before_s)
        number = max(1, math.ceil(MIN_BLOCK_S / max(one_call_s, 1e-9)))
        samples: list[float] = []
        device_samples: list[float] = []
        start = now()
        next_look = repeat
        confirmed = False
        while True:
            reading = stopwatch(call, number)
            samples.append(reading.wall_s / number)
            if reading.device_s is not None:
                device_samples.append(reading.device_s / number)
            elapsed, taken = now() - start, len(samples)
            spent = elapsed >= max_seconds or taken >= MAX_SAMPLES
            if taken < repeat or (taken < next_look and not spent):
                continue
            half_width = relative_half_width(samples)
            on_progress(taken, half_width)
            precise = half_width <= precision
            wishes_more = elapsed < WISHED_S and (taken < WISHED_SAMPLES or not confirmed)
            if spent or (precise and not wishes_more):
                break
            confirmed = precise
            next_look = max(taken + 1, math.ceil(taken * LOOK_GROWTH))
    return Timing(
        samples_s=tuple(samples),
        calls_per_sample=number,
        precision=precision,
        device_samples_s=tuple(device_samples),
    )


def _warm_up(call: Callable[[], object], stopwatch: Stopwatch, calls_before_s: Sequence[float]) -> float:
    """Call until caches, clocks and thread pools are warm; return the seconds of the fastest call."""
    calls_s = list(calls_before_s)
    while not calls_s or (sum(calls_s) < WARMUP_S and len(calls_s) < WARMUP_CALLS):
        calls_s.append(stopwatch(call, 1).wall_s)
    return min(calls_s)


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
