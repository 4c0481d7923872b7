"""Measuring one cell or one function, in the process that is there for it alone."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from hfbench_nb.protocol.line_trace import LineTrace
from hfbench_nb.protocol.records import Failure, Measurement, MemoryUse, Settings
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.worker.backends.base import Backend, Runtime
from hfbench_nb.worker.clock import CountingStopwatch, Reading, Stopwatch, take_samples
from hfbench_nb.worker.memory_trace import trace_call
from hfbench_nb.worker.workloads import Prepared, Subject

# The peak is that of two calls: a first one may have to set up what every later one uses.
MEMORY_CALLS = 2
# Whose lines are traced, beside those of the module that defines the model.
_TRACED = "transformers"

Report = Callable[[str, dict[str, Any]], None]
"""Told a phase (``building``, ``memory``, ``timing``, ``tracing``) and what is known of it."""


def measure(backend: Backend, subject: Subject, settings: Settings, report: Report) -> Measurement:
    """Load what is measured, then read its memory, then time it, then trace it line by line if that is asked for.

    Parameters
    ----------
    backend
        The framework.
    subject
        What to measure.
    settings
        How.
    report
        Told the progress.

    Returns
    -------
    Measurement
        With whatever figures were taken before a failure, if there was one.
    """
    timing: Timing | None = None
    memory: MemoryUse | None = None
    failure: Failure | None = None
    line_trace: LineTrace | None = None
    runtime: Runtime | None = None
    stopwatch: CountingStopwatch | None = None
    status = "ok"
    try:
        runtime = backend.open(settings)
        stopwatch = CountingStopwatch(runtime.stopwatch)
        report("building", {})
        prepared = subject.prepare(runtime)
        report("memory" if settings.memory else "warm-up", {})
        memory, first_calls = _read_memory(runtime, stopwatch, prepared)
        runtime.details["first_call_s"] = first_calls[0].wall_s
        if runtime.compiles:
            runtime.details["compile_s"] = max(0.0, first_calls[0].wall_s - first_calls[-1].wall_s)
        if settings.speed:
            timing = _take_time(prepared.call, stopwatch, first_calls, settings, report)
        if settings.trace_memory_line_by_line:
            report("tracing", {})
            line_trace = _trace_lines(runtime, prepared.model, prepared.call)
    except Exception as error:
        is_oom = isinstance(error, MemoryError) or (runtime is not None and runtime.is_out_of_memory(error))
        status = "oom" if is_oom else "error"
        failure = Failure(type(error).__name__, _message(error), traceback.format_exc())
    finally:
        if runtime is not None:
            _close(runtime)
    details = {} if runtime is None else runtime.details
    if stopwatch is not None:
        details |= {"calls": stopwatch.calls, "calls_s": stopwatch.calls_s}
    return Measurement(status, timing, memory if settings.memory else None, failure, details, line_trace)


def _message(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # an error of the user's own may be unable to say what it is
        return "<no message: its __str__ failed>"


def _close(runtime: Runtime) -> None:
    """Undo what was set up; the figures are taken, and stay whatever happens here."""
    try:
        runtime.close()
    except Exception as error:
        runtime.details["close_failure"] = f"{type(error).__name__}: {_message(error)}"


def _read_memory(runtime: Runtime, stopwatch: Stopwatch, prepared: Prepared) -> tuple[MemoryUse, list[Reading]]:
    """Make the first calls and read the peak of the memory meanwhile; also give what the stopwatch read for each."""
    with runtime.meter.watch() as peak:
        calls = [stopwatch(prepared.call, 1) for _ in range(MEMORY_CALLS)]
    # The kernel counts lazily: a process that needed nothing more can read a page less than before.
    peak_bytes = max(peak.bytes, prepared.loaded_bytes)
    memory = MemoryUse(
        method=runtime.meter.method,
        peak_bytes=peak_bytes,
        baseline_bytes=prepared.baseline_bytes,
        weights_bytes=prepared.loaded_bytes - prepared.baseline_bytes,
        working_bytes=peak_bytes - prepared.loaded_bytes,
        details=peak.details,
    )
    return memory, calls


def _take_time(
    call: Callable[[], object], stopwatch: Stopwatch, calls_before: list[Reading], settings: Settings, report: Report
) -> Timing:
    report("timing", {"samples": 0})
    return take_samples(
        call,
        stopwatch,
        repeat=settings.repeat,
        precision=settings.precision,
        max_seconds=settings.max_seconds,
        calls_before=calls_before,
        on_progress=lambda samples, half_width: report("timing", {"samples": samples}),
    )


def _trace_lines(runtime: Runtime, model: Any, call: Callable[[], object]) -> LineTrace | None:
    """Trace one more pass; the figures are taken, and stay whatever happens here."""
    # Memory that earlier passes hold on to would be used again, and no line would seem to need any.
    runtime.forget_passes(model)
    runtime.meter.release()
    try:
        return trace_call(call, (_TRACED, type(model).__module__), runtime.meter.line_reader())
    except Exception as error:
        runtime.details["line_trace_failure"] = f"{type(error).__name__}: {error}"
        return None
