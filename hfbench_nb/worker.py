"""Measuring one cell, in the process that is there for it alone."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from hfbench_nb.backends.base import Backend, Runtime
from hfbench_nb.clock import take_samples
from hfbench_nb.line_trace import LineTrace
from hfbench_nb.memory_trace import trace_call
from hfbench_nb.records import Cell, Failure, Measurement, MemoryUse, ModelSpec, Settings, Timing

# The peak is that of two calls: a first one may have to set up what every later one uses.
MEMORY_CALLS = 2
# Whose lines are traced, beside those of the module that defines the model.
_TRACED = "transformers"

Report = Callable[[str, dict[str, Any]], None]
"""Told a phase (``building``, ``memory``, ``timing``, ``tracing``) and what is known of it."""


def measure(backend: Backend, cell: Cell, spec: ModelSpec, settings: Settings, report: Report) -> Measurement:
    """Build a model, then read its memory, then time it, then trace it line by line if that is asked for.

    Parameters
    ----------
    backend
        The framework.
    cell, spec, settings
        What to measure and how.
    report
        Told the progress.

    Returns
    -------
    Measurement
        With whatever figures were taken before a failure, if there was one.
    """
    timing: Timing | None = None
    memory: MemoryUse | None = None
    line_trace: LineTrace | None = None
    runtime: Runtime | None = None
    try:
        runtime = backend.open(settings)
        report("building", {})
        baseline_bytes = runtime.meter.current_bytes()
        start = time.perf_counter()
        model = runtime.build(spec, cell.task)
        runtime.details["build_s"] = time.perf_counter() - start
        _release_free_memory()
        loaded_bytes = runtime.meter.current_bytes()
        call = runtime.make_call(model, cell)
        report("memory" if settings.memory else "warm-up", {})
        memory, calls_s = _read_memory(runtime, call, baseline_bytes, loaded_bytes)
        runtime.details["first_call_s"] = calls_s[0]
        if runtime.compiles:
            runtime.details["compile_s"] = max(0.0, calls_s[0] - calls_s[-1])
        if settings.speed:
            timing = _take_time(runtime, call, calls_s, settings, report)
        if settings.trace_memory_line_by_line:
            report("tracing", {})
            line_trace = _trace_lines(runtime, model, call)
    except Exception as error:
        is_oom = isinstance(error, MemoryError) or (runtime is not None and runtime.is_out_of_memory(error))
        return Measurement(
            status="oom" if is_oom else "error",
            timing=timing,
            memory=memory if settings.memory else None,
            failure=Failure(type(error).__name__, str(error), traceback.format_exc()),
            details=runtime.details if runtime is not None else {},
        )
    finally:
        if runtime is not None:
            runtime.close()
    return Measurement(
        "ok", timing, memory if settings.memory else None, details=runtime.details, line_trace=line_trace
    )


def _release_free_memory() -> None:
    """Give back to the system what building needed for a moment: it is not part of the weights."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # a C library other than GNU's
            ctypes.CDLL(None).malloc_trim(0)


def _read_memory(
    runtime: Runtime, call: Callable[[], object], baseline_bytes: int, loaded_bytes: int
) -> tuple[MemoryUse, list[float]]:
    """Make the first calls and read the peak of the memory meanwhile; also give the seconds that each call took."""
    with runtime.meter.watch() as peak:
        calls_s = [runtime.stopwatch(call, 1).wall_s for _ in range(MEMORY_CALLS)]
    # The kernel counts lazily: a process that needed nothing more can read a page less than before.
    peak_bytes = max(peak.bytes, loaded_bytes)
    memory = MemoryUse(
        method=runtime.meter.method,
        peak_bytes=peak_bytes,
        baseline_bytes=baseline_bytes,
        weights_bytes=loaded_bytes - baseline_bytes,
        working_bytes=peak_bytes - loaded_bytes,
        details=peak.details,
    )
    return memory, calls_s


def _take_time(
    runtime: Runtime, call: Callable[[], object], calls_before_s: list[float], settings: Settings, report: Report
) -> Timing:
    report("timing", {"samples": 0})
    return take_samples(
        call,
        runtime.stopwatch,
        repeat=settings.repeat,
        precision=settings.precision,
        max_seconds=settings.max_seconds,
        calls_before_s=calls_before_s,
        on_progress=lambda samples, half_width: report("timing", {"samples": samples}),
    )


def _trace_lines(runtime: Runtime, model: Any, call: Callable[[], object]) -> LineTrace | None:
    """Trace one more pass; the figures are taken, and stay whatever happens here."""
    # Memory that earlier passes hold on to would be used again, and no line would seem to need any.
    runtime.forget_passes(model)
    _release_free_memory()
    try:
        return trace_call(call, (_TRACED, type(model).__module__), runtime.meter.line_reader())
    except Exception as error:
        runtime.details["line_trace_failure"] = f"{type(error).__name__}: {error}"
        return None
