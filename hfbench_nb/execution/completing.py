"""One case, measured, and what only a further process can add to it."""

from __future__ import annotations

from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution.cancellation import Cancellation, keeping
from hfbench_nb.execution.estimator import with_estimate
from hfbench_nb.execution.executors import Executor
from hfbench_nb.execution.peaks import with_peaks
from hfbench_nb.execution.servers import OnProgress
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.request import Request


def measure_and_complete(
    executor: Executor, framework: str, request: Request, on_progress: OnProgress, cancellation: Cancellation
) -> Measurement:
    """Measure a case; add what it would need where memory ran out, and what the machine could do where it was timed."""
    measurement = executor.measure(FRAMEWORKS[framework], request, on_progress, cancellation)
    with keeping(measurement):
        measurement = with_estimate(measurement, framework, request, cancellation)
    with keeping(measurement):
        return with_peaks(measurement, executor, framework, request, cancellation)
