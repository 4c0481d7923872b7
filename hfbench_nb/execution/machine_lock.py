"""Taking turns: runs on one machine would disturb each other's figures, so one measures at a time."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hfbench_nb.execution.progress import Progress
from hfbench_nb.protocol.errors import warn
from hfbench_nb.storage.locks import Lock

# Looking often would disturb the run that is waited for: the pauses grow from the first to the second.
_POLL_S = (0.05, 0.5)
_POLL_GROWTH = 1.5


class Turns:
    """The turns of one run, which warns the first time that it has to wait for another.

    Runs find each other through two files in the temporary folder: those of one machine, or of one container, that
    have the same one.

    Parameters
    ----------
    progress
        Shows the waiting.
    check
        Called again and again while this run waits; what it raises ends the waiting.
    """

    def __init__(self, progress: Progress, check: Callable[[], None] = lambda: None) -> None:
        self._progress = progress
        self._check = check
        self._warned = False

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Wait until no other run measures; keep the others waiting during a block.

        Who has measured comes through the door again, and there whoever waits already stands: runs alternate.
        """
        folder = _temporary_folder()
        with (
            contextlib.closing(Lock(folder / "hfbench_nb-door.lock")) as door,
            contextlib.closing(Lock(folder / "hfbench_nb-measuring.lock")) as measuring,
        ):
            for lock in (door, measuring):
                pause_s, longest_s = _POLL_S
                while not lock.take():
                    holder = measuring.holder()
                    if holder in _ancestors():
                        break  # it waits for us: this is a benchmark within a function that it measures
                    self._tell(holder)
                    time.sleep(pause_s)
                    pause_s = min(longest_s, pause_s * _POLL_GROWTH)
            door.close()
            yield

    def _tell(self, process: int | None) -> None:
        self._check()
        other = "another run" if process is None else f"another run (process {process})"
        self._progress.wait(f"waiting for {other}")
        if not self._warned:
            self._warned = True
            warn(
                f"{other.capitalize()} measures on this machine: the runs take turns, a cell at a time, so that they "
                "do not disturb each other's figures."
            )


def _ancestors() -> set[int]:
    import psutil

    return {process.pid for process in psutil.Process().parents()}


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return Path(os.devnull)  # nothing can be made below it, so nobody waits
