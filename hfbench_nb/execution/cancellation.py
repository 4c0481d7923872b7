"""Cancelling a measurement from another thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


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
