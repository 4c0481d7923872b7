"""A run in background threads, at most one per kernel."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.execution.benchmark import Benchmark
from hfbench_nb.execution.benchmarks import make_benchmark
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.frontends.run_options import RunOptions
from hfbench_nb.frontends.widgets.panel_parts import DONE, FAILED, PARTLY, RUNNING
from hfbench_nb.frontends.widgets.result_tabs import Curves
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.errors import ArgumentError, HfbenchError
from hfbench_nb.protocol.measurement import Measurement

# Often enough for a clock that shows whole seconds, seldom enough not to disturb the measurements.
TICK_S = 0.5
LOG_LINES = 2000

_lock = threading.Lock()
_current: BackgroundRun | None = None


def current_run() -> BackgroundRun | None:
    """Return the run in progress in this kernel, or None."""
    return _current


class Watcher(Protocol):
    """Receives notifications about a run, each from one of the run's threads."""

    def on_tick(self) -> None:
        """Update, called twice a second."""
        ...

    def on_case(self, run: BackgroundRun) -> None:
        """Handle a finished case; the next one has not started, so nothing done here disturbs it."""
        ...

    def on_end(self, run: BackgroundRun) -> None:
        """Handle the end of the run."""
        ...

    def on_free(self) -> None:
        """Handle that another run may now start."""
        ...


class BackgroundRun:
    """One run; also the display to which the benchmark reports its progress.

    Parameters
    ----------
    args
        What to measure.
    options
        Where it is measured and kept.
    watcher
        Receives notifications about the run.
    carry_out
        What is done with the benchmark: `Benchmark.run`, or another function with its parameters.

    Attributes
    ----------
    failure
        Why the run failed as a whole; empty otherwise.
    curves
        The curves of its results.
    """

    refresh_s = 1.0

    def __init__(
        self,
        args: BenchmarkArguments,
        options: RunOptions,
        watcher: Watcher,
        carry_out: Callable[..., BenchmarkResults] = Benchmark.run,
    ) -> None:
        self.failure = ""
        self.done, self.total, self.text = 0, 1, "looking up the models"
        self.failed, self.finished = 0, 0
        self.lines: deque[str] = deque(maxlen=LOG_LINES)
        self.curves = Curves()
        self._args, self._options, self._watchers, self._carry_out = args, options, [watcher], carry_out
        self._benchmark: Benchmark[Any] | None = None
        self._stopped, self._ended = threading.Event(), threading.Event()
        self._start_s = time.monotonic()
        self._end_s: float | None = None

    def start(self) -> None:
        """Start the run.

        Raises
        ------
        ArgumentError
            If another run is in progress in this kernel.
        """
        global _current
        with _lock:
            if _current is not None:
                raise ArgumentError("Another panel of this kernel is measuring: Stop ends that run, then run this one.")
            _current = self
        threading.Thread(target=self._measure, name="hfbench-run", daemon=True).start()
        threading.Thread(target=self._tick, name="hfbench-clock", daemon=True).start()

    def watch(self, watcher: Watcher) -> None:
        """Notify one more watcher from now on."""
        self._watchers.append(watcher)

    def stop(self) -> None:
        """Cancel the current measurement; finished cases are kept. A run that is over stays as it is."""
        if self.is_over:
            return
        self._stopped.set()
        if self._benchmark is not None:
            self._benchmark.cancel()

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self._ended.is_set()

    @property
    def was_stopped(self) -> bool:
        """Whether the run was asked to stop."""
        return self._stopped.is_set()

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start of the run to now, or to its end."""
        return (self._end_s or time.monotonic()) - self._start_s

    @property
    def results(self) -> BenchmarkResults | None:
        """The results so far; None before there are any."""
        if self._benchmark is None or not self._benchmark.environment_info:
            return None
        return self._benchmark.results

    @property
    def state(self) -> str:
        """What the colour of its bar says."""
        if not self.is_over:
            return RUNNING
        if self.failure or 0 < self.failed == self.finished:
            return FAILED
        return PARTLY if self.failed or self.was_stopped else DONE

    # ---- the threads

    def _measure(self) -> None:
        global _current
        try:
            self._benchmark = make_benchmark(self._args)
            self._carry_out(self._benchmark, display=self, on_case=self._on_case, **vars(self._options))
        except HfbenchError as error:
            self.failure = str(error)
        except Exception:
            self.failure = "The run failed: " + traceback.format_exc()
        finally:
            self._end_s = time.monotonic()
            self._ended.set()
            try:
                self._notify(lambda watcher: watcher.on_end(self))
            finally:
                with _lock:
                    _current = None
                self._notify(lambda watcher: watcher.on_free())

    def _tick(self) -> None:
        while not self._ended.wait(TICK_S):
            self._notify(lambda watcher: watcher.on_tick())

    def _notify(self, event: Callable[[Watcher], None]) -> None:
        for watcher in list(self._watchers):
            event(watcher)

    # ---- the display, called by the benchmark

    def show(self, done: int, total: int, text: str) -> None:
        """Store the progress."""
        if self._stopped.is_set() and self._benchmark is not None:
            self._benchmark.cancel()  # Stop was pressed before there was anything to cancel
        self.done, self.total, self.text = done, total, text

    def _on_case(self, case: Case, measurement: Measurement) -> None:
        self.log(f"{self.done} of {self.total}: {case}: {measurement.status}")
        self._notify(lambda watcher: watcher.on_case(self))

    def log(self, text: str) -> None:
        """Add the lines of a text to the log."""
        self.lines.extend(f"{time.strftime('%H:%M:%S')}  {line}" for line in text.splitlines())

    def fail(self, failed: int, finished: int) -> None:
        """Store how many cases have failed, of those of which a round is finished."""
        self.failed, self.finished = failed, finished

    def close(self, text: str) -> None:
        """Store the final message."""
        self.text = text
        if not self._stopped.is_set():
            self.done = self.total  # rounds that were not needed count as done
        self.log(text)
