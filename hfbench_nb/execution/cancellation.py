"""Cancelling a measurement from another thread, and keeping what was measured before."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from hfbench_nb.protocol.measurement import Failure, Measurement


class Cancelled(BaseException):
    """A measurement was cancelled from another thread: not a failure, so ``except Exception`` does not catch it."""


class Cancellation:
    """A request to cancel one run: it wakes whatever that run waits for, and does not affect other runs.

    The cancelling thread calls `cancel`; the measuring threads, one per machine, call `check` and wait inside `waking`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wish = threading.Event()
        self._wakes: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Cancel the current step, or the next one if none is in progress."""
        with self._lock:
            self._wish.set()
            for wake in self._wakes:
                wake()

    def check(self) -> None:
        """Raise `Cancelled` if cancellation was requested."""
        if self._wish.is_set():
            raise Cancelled

    @contextlib.contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have `cancel` call `wake` while the context lasts; raise `Cancelled` if it was called before."""
        with self._lock:
            self.check()
            self._wakes.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._wakes.remove(wake)

    @contextlib.contextmanager
    def hold(self, lock: threading.Lock, look_every_s: float = 0.2) -> Iterator[None]:
        """Hold a lock; while another thread holds it, check for cancellation every `look_every_s` seconds."""
        while not lock.acquire(timeout=look_every_s):
            self.check()
        try:
            yield
        finally:
            lock.release()


_MEASURED = "measured_before"


@contextlib.contextmanager
def keeping(measurement: Measurement) -> Iterator[None]:
    """Have whatever stops the run during the block carry what was measured before: nothing measured is lost."""
    try:
        yield
    except (KeyboardInterrupt, Cancelled) as stop:
        setattr(stop, _MEASURED, measurement)
        raise


def measured_before(stop: BaseException) -> Measurement:
    """Return what was measured of a case when the run was stopped: it, if only what completes it was missing."""
    nothing = Measurement("cancelled", failure=Failure("Cancelled", "stopped by the user"))
    measured: Measurement = getattr(stop, _MEASURED, nothing)
    return measured
