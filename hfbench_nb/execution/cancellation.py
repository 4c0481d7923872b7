"""Ending a measurement from another thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class Cancelled(BaseException):
    """A measurement was cancelled from another thread; no failure, and so nothing that ``except Exception`` takes."""


class Cancellation:
    """The wish of one run to be ended: it reaches what this run waits for, and no other's.

    A thread that cancels calls `cancel`; the thread that measures calls `check`, and waits inside `waking`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wish = threading.Event()
        self._wake: Callable[[], None] | None = None

    def cancel(self) -> None:
        """End what is going on, or what comes next."""
        with self._lock:
            self._wish.set()
            if self._wake is not None:
                self._wake()

    def check(self) -> None:
        """Raise `Cancelled` if that was asked for."""
        if self._wish.is_set():
            raise Cancelled

    @contextlib.contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Let `cancel` call `wake` meanwhile, once; raise `Cancelled` if it came before."""
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
        """Hold a lock; while another thread has it, look every so often whether to go on waiting."""
        while not lock.acquire(timeout=look_every_s):
            self.check()
        try:
            yield
        finally:
            lock.release()
