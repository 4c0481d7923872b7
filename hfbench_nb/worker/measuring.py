"""Measuring one case, in a process that exists for this case alone."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hfbench_nb.protocol.decoding import LARGEST_NUMBER
from hfbench_nb.protocol.errors import message_of
from hfbench_nb.protocol.facts import Costs, ModelFacts
from hfbench_nb.protocol.line_trace import LineTrace
from hfbench_nb.protocol.measurement import Failure, Measurement, MemoryUse
from hfbench_nb.protocol.profile import Profile
from hfbench_nb.protocol.request import Method
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.worker.afterwards import find_out
from hfbench_nb.worker.backends.base import Runtime
from hfbench_nb.worker.backends.base_profile import ProfilingRuntime
from hfbench_nb.worker.clock import CountingStopwatch, Reading, take_samples
from hfbench_nb.worker.memory import Peak
from hfbench_nb.worker.memory_trace import trace_call
from hfbench_nb.worker.reference import Reference
from hfbench_nb.worker.workloads.base import Prepared, Workload

# Package whose lines are traced, in addition to those of the module that defines the model.
_TRACED = "transformers"

# A further call to read the memory of a further round, where it is within 0.5 %, must take less than this.
LONG_CALL_S = 0.1

Report = Callable[[str, dict[str, Any]], None]
"""Receives a phase (``building``, ``warm-up``, ``timing``, ``memory``, ``tracing``, ``profiling``) and facts
about it."""


def measure(
    open_runtime: Callable[[], Runtime],
    workload: Workload,
    method: Method,
    report: Report,
    *,
    let_through: tuple[type[BaseException], ...] = (),
) -> Measurement:
    """Build the model or function, time it, read its memory, and trace it as requested.

    Parameters
    ----------
    open_runtime
        Sets up the framework with the settings of the case.
    workload
        What to measure.
    method
        How to measure.
    report
        Receives the progress.
    let_through
        Exceptions that are no failure of the case.  Any other is, also `SystemExit` and what libraries derive from
        `BaseException`.

    Returns
    -------
    Measurement
        Includes whatever was measured before a failure.
    """
    taken = _Taken()
    runtime: Runtime | None = None
    status, failure = "ok", None
    try:
        start = time.perf_counter()
        runtime = open_runtime()
        taken.open_s = time.perf_counter() - start  # on a GPU, its context takes seconds
        _measure(runtime, workload, method, report, taken)
    except let_through:
        raise
    except BaseException as error:
        is_oom = isinstance(error, MemoryError) or (runtime is not None and runtime.is_out_of_memory(error))
        status = "oom" if is_oom else "error"
        shown = taken.explain(error) if isinstance(error, Exception) and not is_oom else error
        failure = Failure(type(shown).__name__, message_of(shown), traceback.format_exc())
    if runtime is None:
        return taken.measurement(status, failure)
    taken.details |= _close(runtime)
    return replace(
        taken.measurement(status, failure), resolved=runtime.resolved, framework_version=runtime.framework_version
    )


@dataclass
class _Taken:
    """What has been measured so far."""

    timing: Timing | None = None
    memory: MemoryUse | None = None
    line_trace: LineTrace | None = None
    line_trace_failure: str = ""
    profile: Profile | None = None
    profile_failure: str = ""
    note: str = ""
    explain: Callable[[Exception], Exception] = lambda error: error
    model_facts: ModelFacts | None = None
    open_s: float = 0.0
    build_s: float = 0.0
    calls: int = 0
    calls_s: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    timings: dict[str, Timing] = field(default_factory=dict)

    def measurement(self, status: str, failure: Failure | None) -> Measurement:
        """Return what was taken as a measurement with this status."""
        return Measurement(
            status,
            self.timing,
            self.memory,
            failure,
            self.details,
            self.line_trace,
            self.line_trace_failure,
            self.profile,
            self.profile_failure,
            self.note,
            metrics=self.metrics,
            timings=self.timings,
            model_facts=self.model_facts,
            costs=Costs(open_s=self.open_s, build_s=self.build_s, calls=self.calls, calls_s=self.calls_s),
        )


def _measure(runtime: Runtime, workload: Workload, method: Method, report: Report, taken: _Taken) -> None:
    stopwatch = CountingStopwatch(runtime.stopwatch)
    try:
        report("building", {})
        with runtime.hear() as heard:
            prepared = workload.prepare(runtime)
            taken.note, taken.explain = prepared.note, prepared.explain
            taken.model_facts, taken.build_s = prepared.model_facts, prepared.build_s
            taken.details |= prepared.details
            report("warm-up", {})
            with runtime.meter.watch() as first_peak:
                first_call = stopwatch(prepared.watched_by(first_peak), 1)
                if runtime.meter.first_call_repeats or runtime.compiles:
                    if prepared.phases is not None:
                        first_peak.split()  # what comes now is no phase of the first call
                    stopwatch(prepared.call, 1)  # may need more, with what the first has set up, and compile again
        warm = (stopwatch.calls, stopwatch.calls_s)
        taken.note = "; ".join(filter(None, [prepared.note, *heard]))
        taken.details["first_call_s"] = first_call.wall_s
        if method.speed:
            taken.timing = _take_time(runtime, prepared, stopwatch, first_call, method, report)
        try:
            # The memory of a later round is read where a call costs little.
            if method.memory and (method.round == 1 or first_call.wall_s < LONG_CALL_S):
                report("memory", {})
                taken.memory = _read_memory(runtime, stopwatch, prepared, first_peak)
        finally:  # only now: thousands of samples would count as memory of the call
            if taken.timing is not None:
                taken.timings = _timings_of_parts(prepared, len(taken.timing.samples_s), method)
        # Later rounds may find what the first has compiled.
        if runtime.compiles and method.round == 1:
            later_s = stopwatch.last_s if taken.timing is None else taken.timing.median_s
            taken.metrics["compile_s"] = max(0.0, warm[1] - warm[0] * later_s)
        taken.metrics |= {name: float(value) for name, value in prepared.metrics().items() if _is_number(value)}
        if taken.timing is not None and method.round == 1:
            metrics, details = find_out(runtime, prepared, stopwatch, taken.timing.median_s)
            taken.metrics |= metrics
            taken.details |= details
        if method.trace_memory_line_by_line:
            report("tracing", {})
            _trace_lines(runtime, prepared, taken)
        if method.profile:
            report("profiling", {})
            _profile(runtime, prepared, taken)
    finally:
        taken.calls, taken.calls_s = stopwatch.calls, stopwatch.calls_s


def _is_number(value: float) -> bool:
    """Return whether a value can cross the process border: NaN, infinity and what overflowed cannot."""
    return abs(value) <= LARGEST_NUMBER


def _close(runtime: Runtime) -> dict[str, Any]:
    """Close the runtime and return its details; a failure here does not discard the measurement."""
    try:
        runtime.close()
    except Exception as error:
        return {**runtime.details, "close_failure": f"{type(error).__name__}: {message_of(error)}"}
    return runtime.details


def _read_memory(runtime: Runtime, stopwatch: CountingStopwatch, prepared: Prepared, first_peak: Peak) -> MemoryUse:
    """Return the peak of the first call where it is the same in each process; otherwise read that of one more.

    That call comes after the time, since it changes how memory is allocated.  It does not need more than the first, but
    for what earlier calls have kept; and less by what the heap happened to keep during the first.  Compiling counts.
    """
    meter, peak = runtime.meter, first_peak
    if not meter.first_call_repeats:
        # Gradients of the pass before would leave gaps in the heap when this one clears them.
        runtime.forget_passes(prepared.model)
        with meter.settled(), meter.watch() as last_peak:
            stopwatch(prepared.watched_by(last_peak), 1)
        peak = (max if runtime.compiles else min)(first_peak, last_peak, key=lambda of: of.bytes)
    phases = {} if prepared.phases is None else dict(zip(prepared.phases.names, peak.phases, strict=False))
    # The kernel counts lazily: a process that needed no more memory can read one page less than before.
    peak_bytes = max(peak.bytes, prepared.loaded_bytes)
    return MemoryUse(
        method=meter.method,
        peak_bytes=peak_bytes,
        baseline_bytes=prepared.baseline_bytes,
        weights_bytes=prepared.loaded_bytes - prepared.baseline_bytes,
        working_bytes=peak_bytes - prepared.loaded_bytes,
        phase_peak_bytes={name: phase.bytes for name, phase in phases.items()},
        details={
            **peak.details,
            "first_call_peak_bytes": first_peak.bytes,
            **{f"{name}_{of}": size for name, phase in phases.items() for of, size in phase.details.items()},
        },
    )


def _timings_of_parts(prepared: Prepared, calls: int, method: Method) -> dict[str, Timing]:
    """Return the samples of the parts of the calls that were timed last."""
    parts = {} if prepared.parts is None else prepared.parts(calls)
    wanted = None if prepared.decisive_parts is None else method.precision
    precisions = {name: wanted if len(durations) == calls else None for name, durations in parts.items()}
    return {name: Timing(tuple(durations), precision=precisions[name]) for name, durations in parts.items()}


def _take_time(
    runtime: Runtime,
    prepared: Prepared,
    stopwatch: CountingStopwatch,
    first_call: Reading,
    method: Method,
    report: Report,
) -> Timing:
    report("timing", {"samples": 0})
    # The first call was made for its memory, and may have compiled.
    may_count = first_call.device_s is None and not runtime.compiles and prepared.decisive_parts is None
    return take_samples(
        prepared.call,
        stopwatch,
        repeat=method.repeat,
        precision=method.precision,
        max_seconds=method.max_seconds,
        parts=prepared.decisive_parts,
        rounds=method.rounds,
        first=first_call if may_count else None,
        reference=_make_reference(runtime),
        on_progress=lambda samples, half_width: report("timing", {"samples": samples}),
    )


def _make_reference(runtime: Runtime) -> Reference | None:
    """Return the reference; None where the backend has none, or there is no memory left for it."""
    if not hasattr(runtime, "reference"):  # a backend from outside
        return None
    try:
        reference = Reference(runtime.reference())
        reference.begin()
        return reference
    except Exception:
        traceback.print_exc()
        return None


def _trace_lines(runtime: Runtime, prepared: Prepared, taken: _Taken) -> None:
    """Trace one more pass; a failure here does not discard the measurement."""
    # Memory that earlier passes keep would be reused, and no line would appear to need any.
    runtime.forget_passes(prepared.model)
    runtime.meter.release()
    modules = (_TRACED, type(prepared.model).__module__)
    try:
        taken.line_trace = trace_call(prepared.call, modules, runtime.meter.line_reader())
    except Exception as error:
        taken.line_trace_failure = f"{type(error).__name__}: {error}"


def _profile(runtime: Runtime, prepared: Prepared, taken: _Taken) -> None:
    """Tell where the time of one more pass goes; a failure here does not discard the measurement."""
    try:
        if not isinstance(runtime, ProfilingRuntime):
            raise NotImplementedError("this framework has no profiler here")
        taken.profile = runtime.profile(prepared.call, prepared.model)
    except Exception as error:
        taken.profile_failure = f"{type(error).__name__}: {message_of(error)}"
