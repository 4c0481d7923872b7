"""The machine lock: runs on one machine would disturb each other's measurements, so one measures at a time."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from hfbench_nb.execution.displays import in_notebook
from hfbench_nb.protocol.errors import warn
from hfbench_nb.storage.locks import Lock

_MEASURING = "hfbench_nb-measuring.lock"
# Frequent polling would disturb the other run: the pauses grow from the first value to the second, seconds.
_POLL_S = (0.05, 0.5)
_POLL_GROWTH = 1.5

_preparing: set[object] = set()  # what is being prepared in this process, from before it takes the lock until after


class Waiting(Protocol):
    """Receives a notice when a run waits."""

    def wait(self, reason: str) -> None:
        """Show that the run is waiting, and why."""
        ...


class MachineLock:
    """The machine lock as used by one run; outside of notebooks, it warns once if it has to wait for another.

    Runs find each other through two files in the temporary folder: runs on one machine or in one container that share
    this folder.

    Parameters
    ----------
    progress
        Shows the waiting.
    """

    def __init__(self, progress: Waiting) -> None:
        self._progress = progress
        self._warned = False

    @contextlib.contextmanager
    def hold(self, check: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Wait until no other run measures; make the others wait during the block.

        `check` is called repeatedly while this run waits; an exception that it raises ends the waiting.

        The first file is a queue for one run: a run that has measured has to lock it again, after any run that already
        waits there, so that runs alternate.
        """
        folder = _temporary_folder()
        with (
            contextlib.closing(Lock(folder / "hfbench_nb-door.lock")) as queue,
            contextlib.closing(Lock(folder / _MEASURING)) as measuring,
        ):
            for lock in (queue, measuring):
                pause_s, longest_s = _POLL_S
                while True:
                    was_preparing = bool(_preparing)  # asked before and after: it may end or begin meanwhile
                    if lock.take():
                        break
                    holder = measuring.holder()
                    if holder in _ancestors():
                        break  # it waits for this process: a benchmark within a function that it measures
                    check()
                    self._tell(holder, was_preparing or bool(_preparing))
                    time.sleep(pause_s)
                    pause_s = min(longest_s, pause_s * _POLL_GROWTH)
            queue.close()
            yield

    def _tell(self, process: int | None, is_preparing: bool) -> None:
        if is_preparing and process in (os.getpid(), None):  # None also if it has just released the lock
            self._progress.wait("starting the worker server")
            return
        other = "another run" if process is None else f"another run (process {process})"
        self._progress.wait(f"waiting for {other} on this machine, which alternates with this one, case by case")
        if not self._warned and not in_notebook():  # where a warning would stay beside the results
            self._warned = True
            warn(
                f"{other.capitalize()} is measuring on this machine: the runs alternate, case by case, so that they do "
                "not disturb each other's measurements."
            )


@contextlib.contextmanager
def preparing() -> Iterator[bool]:
    """Hold the lock while something is prepared that takes the processor; yield whether it was free."""
    this = object()
    _preparing.add(this)
    try:
        with contextlib.closing(Lock(_temporary_folder() / _MEASURING)) as measuring:
            yield measuring.take()
    finally:
        _preparing.remove(this)


def _ancestors() -> set[int]:
    import psutil

    return {process.pid for process in psutil.Process().parents()}


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return Path(os.devnull)  # no file can be created below it, so no run waits
