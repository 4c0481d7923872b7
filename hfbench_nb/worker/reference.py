"""A fixed piece of work, timed beside the samples: it tells what the machine itself did meanwhile.

Standard library only: the work is the backend's.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable

# The reference may take this share of the time over which samples are taken; each process takes at least one reading.
LARGEST_SHARE = 0.02

# Rows of the square matrices that a framework multiplies, and bytes that it copies: about a millisecond each on a core,
# and less on a GPU.
ON_CPU = (256, 4 << 20)
ON_GPU = (2048, 64 << 20)


class Reference:
    """Times a fixed piece of work between the samples of a case, outside them.

    Parameters
    ----------
    work
        Does the work, and returns once it is done.
    now
        The clock, seconds.

    Attributes
    ----------
    readings_s
        The times, seconds, in the order taken.
    """

    def __init__(self, work: Callable[[], object], now: Callable[[], float] = time.perf_counter) -> None:
        self._work = work
        self._now = now
        self._spent_s = 0.0
        self.readings_s = array("d")

    def begin(self) -> None:
        """Warm up, and take the first reading."""
        self._work()
        self._read()

    def take(self, elapsed_s: float) -> None:
        """Take a reading, if all of them together stay within their share of the time elapsed."""
        if self._spent_s + self.readings_s[-1] <= LARGEST_SHARE * elapsed_s:
            self._read()

    def _read(self) -> None:
        start = self._now()
        self._work()
        took_s = self._now() - start
        self._spent_s += took_s
        self.readings_s.append(took_s)
