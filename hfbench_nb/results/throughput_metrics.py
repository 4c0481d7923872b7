"""The metrics of the time and the sizes of a case, throughput and time per token, and of the size of its model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.tasks import GENERATION
from hfbench_nb.rendering.units import format_count, format_number, format_rate
from hfbench_nb.results.metrics import METRICS, SPEED, Metric, time_interval


def _of_time(of_time: Callable[[Any, Any, Any], Any]) -> Callable[[Case, float], float]:
    """Return the function that computes a metric of a case from seconds."""

    def at(case: Case, time_s: float) -> float:
        if case.batch_size is None or not time_s > 0:  # an interval of the time that reaches 0 gives no upper bound
            return math.nan
        return float(of_time(time_s, case.sequences_per_call, case.sequence_length))

    return at


def per_time(
    name: str, title: str, unit: str, of_time: Callable[[Any, Any, Any], Any], *, higher_is_better: bool, **more: Any
) -> Metric:
    """Make a metric that derives from the time and the sizes; of a throughput, the longest time gives the lowest."""
    at = _of_time(of_time)

    def value(case: Case, measurement: Measurement) -> float:
        return math.nan if measurement.timing is None else at(case, measurement.timing.median_s)

    def interval(case: Case, measurement: Measurement) -> tuple[float, float]:
        ends = [at(case, end_s) for end_s in time_interval(case, measurement)]
        return (ends[1], ends[0]) if higher_is_better else (ends[0], ends[1])

    return Metric(
        name, title, unit, value, interval, SPEED, higher_is_better=higher_is_better, of_time=of_time,
        needs_sizes=True, **more,
    )  # fmt: skip


def rate(name: str, title: str, unit: str, of_time: Callable[[Any, Any, Any], Any], **more: Any) -> Metric:
    """Make a throughput metric."""
    return per_time(name, title, unit, of_time, higher_is_better=True, format=format_rate, **more)


def _parameters(case: Case, measurement: Measurement) -> float:
    return math.nan if measurement.model_facts is None else measurement.model_facts.parameters


METRICS.register(
    rate("sequences_per_s", "Throughput", "sequences/s", lambda time_s, sequences, length: sequences / time_s)
)
METRICS.register(
    rate(
        "tokens_per_s", "Throughput", "tokens/s", lambda time_s, sequences, length: sequences * length / time_s,
        is_folded=True, except_task=GENERATION,
    )
)  # fmt: skip
METRICS.register(
    per_time(
        "ms_per_token", "Time per token", "ms", lambda time_s, sequences, length: 1e3 * time_s / (sequences * length),
        higher_is_better=False, format=lambda ms: f"{format_number(ms)} ms", is_folded=True, except_task=GENERATION,
    )
)  # fmt: skip
METRICS.register(
    Metric(
        "parameters", "Parameters", "", _parameters, needs_sizes=True, is_whole=True,
        format=lambda count: format_count(round(count)),
    )
)  # fmt: skip
