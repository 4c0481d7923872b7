"""Cancelling a measurement from another thread, and what a run says that the user has interrupted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hfbench_nb.protocol.errors import RunInterrupted
from hfbench_nb.protocol.measurement import Measurement


class Cancelled(BaseException):
    """A measurement was cancelled from another thread: not a failure, so ``except Exception`` does not catch it."""


class Cancellation:
    """A request to cancel one run: it wakes whatever that run waits for, and does not affect other runs.

    The cancelling thread calls `cancel`; the measuring thread calls `check`, and waits inside `waking`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wish = threading.Event()
        self._wake: Callable[[], None] | None = None

    def cancel(self) -> None:
        """Cancel the current step, or the next one if none is in progress."""
        with self._lock:
            self._wish.set()
            if self._wake is not None:
                self._wake()

    def check(self) -> None:
        """Raise `Cancelled` if cancellation was requested."""
        if self._wish.is_set():
            raise Cancelled

    @contextlib.contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have `cancel` call `wake` while the context lasts; raise `Cancelled` if it was called before."""
        with self._lock:
            self.check()
            self._wake = wake
        try:
            yield
        finally:
            with self._lock:
                self._wake = None

    @contextlib.contextmanager
    def turn(self, lock: threading.Lock, look_every_s: float = 0.2) -> Iterator[None]:
        """Hold a lock; while another thread holds it, check for cancellation every `look_every_s` seconds."""
        while not lock.acquire(timeout=look_every_s):
            self.check()
        try:
            yield
        finally:
            lock.release()


def interrupted(finished: Sequence[Measurement], planned: int, folder: Path | None) -> RunInterrupted:
    """Return what to raise when the user has interrupted a run: it says where the finished cases are."""
    measured = sum(measurement.succeeded for measurement in finished)
    done = f"Interrupted: {measured} of {planned} cases {'is' if measured == 1 else 'are'} measured."
    places = ["the benchmark's .results", *([] if folder is None else [f"hfbench_nb.load_results({str(folder)!r})"])]
    kept = f" What is measured is in {' and in '.join(places)}." if measured else ""
    rest = "" if folder is None else f" run(resume={str(folder)!r}) measures {'the rest' if measured else 'them'}."
    return RunInterrupted(f"{done}{kept}{rest}")
