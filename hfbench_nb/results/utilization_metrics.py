"""What a case computes and moves, at which rate, and which share that is of what the machine can do.

``flops`` are those of matrix products, convolutions and attention of a call, twice the multiplications; what is
computed element by element is left out, as in `torch.utils.flop_counter` and the published formulas.
"""

from __future__ import annotations

import math

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import MEGABYTE, Measurement
from hfbench_nb.protocol.tasks import GENERATION
from hfbench_nb.rendering.units import format_flops, format_memory, format_number, format_percent
from hfbench_nb.results.metrics import METRICS, SPEED, Metric, Value


def _per_time(name: str, title: str, unit: str, source: str, amount: Value, **more: object) -> Metric:
    """Make a metric that is an amount per call divided by a time: the longest time gives its lowest value."""

    def value(case: Case, measurement: Measurement) -> float:
        time_s = METRICS[source].of(case, measurement)
        return amount(case, measurement) / time_s if time_s > 0 else math.nan

    def interval(case: Case, measurement: Measurement) -> tuple[float, float]:
        low_s, high_s = METRICS[source].interval_of(case, measurement)
        known = amount(case, measurement)
        return (known / high_s if high_s > 0 else math.nan, known / low_s if low_s > 0 else math.nan)

    return Metric(
        name, title, unit, value, interval, SPEED, higher_is_better=True, needs_sizes=True, source=source,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _gflops(case: Case, measurement: Measurement) -> float:
    return measurement.metrics.get("flops", math.nan) / 1e9


def _share_of_peak(case: Case, measurement: Measurement) -> float:
    return _gflops(case, measurement) / measurement.metrics.get("peak_gflops_per_s", math.nan)


def _share_of_bandwidth(case: Case, measurement: Measurement) -> float:
    """Return which part of a second the machine needs at least to read what a token needs: weights, and the cache.

    The cache is that of the middle of the generation: it grows from the prompt's length by each new token.
    """
    found = measurement.metrics
    length, new_tokens = case.sequence_length or 0, int(case.settings.get("new_tokens") or 0)
    grown = (length + new_tokens / 2) / (length + new_tokens) if length + new_tokens else 1.0
    read_mb = found.get("token_parameters_mb", math.nan) + grown * found.get("kv_cache_mb", 0.0)
    return read_mb * MEGABYTE / 1e9 / found.get("peak_gb_per_s", math.nan)


METRICS.register(
    Metric(
        "flops", "FLOPs per call", "FLOP", group=SPEED, needs_sizes=True,
        format=lambda flops: f"{format_flops(flops)}FLOP",
    )
)  # fmt: skip
METRICS.register(
    _per_time(
        "gflops_per_s", "Achieved", "GFLOP/s", "time_s", _gflops,
        format=lambda rate: f"{format_flops(rate * 1e9)}FLOP/s",
    )
)  # fmt: skip
METRICS.register(
    _per_time(
        "utilization", "Share of the machine's peak", "", "time_s", _share_of_peak, format=format_percent,
        is_share=True, is_folded=True, beside="time_s", short="of the machine's peak", except_task=GENERATION,
    )
)  # fmt: skip
METRICS.register(
    _per_time(
        "bandwidth_utilization", "Share of the memory's bandwidth while decoding", "", "tpot_s", _share_of_bandwidth,
        format=format_percent, is_share=True, task=GENERATION, beside="tpot_s", short="of the memory's bandwidth",
    )
)  # fmt: skip
METRICS.register(Metric("moved_mb", "Read and written by its operations", "MB", format=format_memory, is_column=False))
METRICS.register(Metric("parameters_read_mb", "Weights that a call reads", "MB", format=format_memory, is_column=False))
METRICS.register(
    Metric("energy_j", "Energy per call", "J", group=SPEED, format=lambda energy_j: f"{format_number(energy_j)} J")
)
