"""A run in threads of its own, at most one a kernel."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from typing import Any, Protocol

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.execution.benchmark import Benchmark, make_benchmark
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.errors import ArgumentError, HfbenchError

# Often enough for a clock of whole seconds, seldom enough not to disturb what is measured.
TICK_S = 0.5
LOG_LINES = 2000

_lock = threading.Lock()
_current: BackgroundRun | None = None


def current_run() -> BackgroundRun | None:
    """Give the run that is going on in this kernel, or None."""
    return _current


class Watcher(Protocol):
    """Who is told about a run, each time from one of its threads."""

    def on_tick(self) -> None:
        """Take note twice a second."""
        ...

    def on_cell(self) -> None:
        """Take note of a finished cell; the next one is not begun, so that nothing done here disturbs it."""
        ...

    def on_end(self) -> None:
        """Take note that the run is over."""
        ...

    def on_free(self) -> None:
        """Take note that another run may begin."""
        ...


class BackgroundRun:
    """One run; also the display to which the benchmark tells how far it is.

    Parameters
    ----------
    args
        What to measure.
    watcher
        Who is told about it.

    Attributes
    ----------
    failure
        Why it could not run at all; empty otherwise.
    """

    def __init__(self, args: BenchmarkArguments, watcher: Watcher) -> None:
        self.failure = ""
        self.done, self.total, self.text = 0, 1, "looking the models up"
        self.lines: deque[str] = deque(maxlen=LOG_LINES)
        self._args, self._watcher = args, watcher
        self._benchmark: Benchmark[Any] | None = None
        self._stopped, self._ended = threading.Event(), threading.Event()
        self._start_s = time.monotonic()
        self._end_s: float | None = None

    def start(self) -> None:
        """Begin.

        Raises
        ------
        ArgumentError
            If another run is going on in this kernel.
        """
        global _current
        with _lock:
            if _current is not None:
                raise ArgumentError("Another panel of this kernel is measuring: Stop ends that run, then run this one.")
            _current = self
        threading.Thread(target=self._measure, name="hfbench-run", daemon=True).start()
        threading.Thread(target=self._tick, name="hfbench-clock", daemon=True).start()

    def stop(self) -> None:
        """End the measurement that is going on; what is finished stays."""
        self._stopped.set()
        if self._benchmark is not None:
            self._benchmark.cancel()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._ended.is_set()

    @property
    def was_stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopped.is_set()

    @property
    def elapsed_s(self) -> float:
        """Seconds from its start to now, or to its end."""
        return (self._end_s or time.monotonic()) - self._start_s

    @property
    def results(self) -> BenchmarkResults | None:
        """What is finished so far; None before anything is known."""
        if self._benchmark is None or not self._benchmark.environment_info:
            return None
        return self._benchmark.results

    # ---- the threads

    def _measure(self) -> None:
        global _current
        try:
            self._benchmark = make_benchmark(self._args)
            self._benchmark.run(display=self)
        except HfbenchError as error:
            self.failure = str(error)
        except Exception:
            self.failure = "The run failed: " + traceback.format_exc()
        finally:
            self._end_s = time.monotonic()
            self._ended.set()
            try:
                self._watcher.on_end()
            finally:
                with _lock:
                    _current = None
                self._watcher.on_free()

    def _tick(self) -> None:
        while not self._ended.wait(TICK_S):
            self._watcher.on_tick()

    # ---- what the benchmark tells

    def show(self, done: int, total: int, text: str) -> None:
        """Take note of how far it is."""
        if self._stopped.is_set() and self._benchmark is not None:
            self._benchmark.cancel()  # Stop was pressed before there was anything to cancel
        has_grown = done != self.done
        self.done, self.total, self.text = done, total, text
        if has_grown and self.results is not None:
            cell, measurement = self.results.entries[-1]
            self.log(f"{done} of {total}: {cell}: {measurement.status}")
            self._watcher.on_cell()

    def log(self, text: str) -> None:
        """Keep lines for the log."""
        self.lines.extend(f"{time.strftime('%H:%M:%S')}  {line}" for line in text.splitlines())

    def close(self, text: str) -> None:
        """Keep the last word."""
        self.text = text
        self.log(text)
