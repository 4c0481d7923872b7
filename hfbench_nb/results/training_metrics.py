"""The metrics of training: the phases of a step, and what its memory consists of."""

from __future__ import annotations

import math

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import MEGABYTE, Measurement
from hfbench_nb.protocol.tasks import TRAINING
from hfbench_nb.rendering.units import format_memory
from hfbench_nb.results.metrics import MEMORY, METRICS, Metric, Value, memory_resolution, part_metric
from hfbench_nb.results.throughput_metrics import rate


def _memory_metric(name: str, title: str, value: Value | None = None) -> Metric:
    return Metric(
        name, title, "MB", value, group=MEMORY, format=format_memory, resolution=memory_resolution, task=TRAINING
    )


def _activations_mb(case: Case, measurement: Measurement) -> float:
    """Return what the peak has above baseline, weights, gradients and state: the parts add up by definition."""
    working_bytes = None if measurement.memory is None else measurement.memory.working_bytes
    if working_bytes is None:
        return math.nan
    of_tensors_mb = (METRICS[name].of(case, measurement) for name in ("gradients_mb", "optimizer_mb"))
    return working_bytes / MEGABYTE - sum(of_tensors_mb)


METRICS.register(part_metric("forward_s", "Forward pass", TRAINING))
METRICS.register(part_metric("backward_s", "Backward pass", TRAINING))
METRICS.register(part_metric("optimizer_s", "Optimizer", TRAINING))
METRICS.register(
    rate(
        "samples_per_s", "Throughput", "samples/s", lambda time_s, sequences, length: sequences / time_s, task=TRAINING
    )
)  # fmt: skip
METRICS.register(_memory_metric("gradients_mb", "Memory of the gradients"))
METRICS.register(_memory_metric("optimizer_mb", "Memory of the optimizer's state"))
METRICS.register(_memory_metric("activations_mb", "Memory of the activations", _activations_mb))
