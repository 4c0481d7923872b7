"""The metrics of generation; the definitions are those of the NVIDIA AIPerf metrics reference, for calls of a batch."""

from __future__ import annotations

import math
from collections.abc import Callable

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.tasks import GENERATION
from hfbench_nb.rendering.units import format_number, format_rate, format_time
from hfbench_nb.results.metrics import MEMORY, METRICS, SPEED, Metric, of_part, part_metric, phase_metric


def _part_rate(name: str, title: str, short: str, source: str, tokens: Callable[[Case], int]) -> Metric:
    """Make a metric of the tokens per second of a part of each call: the longest time gives its lowest value."""

    def at(case: Case, time_s: float) -> float:
        return tokens(case) / time_s if time_s > 0 else math.nan

    def value(case: Case, measurement: Measurement) -> float:
        return at(case, METRICS[source].of(case, measurement))

    def interval(case: Case, measurement: Measurement) -> tuple[float, float]:
        low_s, high_s = METRICS[source].interval_of(case, measurement)
        return at(case, high_s), at(case, low_s)

    return Metric(
        name, title, "tokens/s", value, interval, SPEED, is_headline=True, higher_is_better=True, format=format_rate,
        task=GENERATION, short=short, source=source,
    )  # fmt: skip


def _gap_metric(percent: int) -> Metric:
    """Make a metric of the gaps between the tokens of all calls: a quantile, by linear interpolation."""
    return Metric(
        f"itl_p{percent}_s", f"Time between tokens, {percent} % quantile", "s",
        of_part("itl_s", lambda timing: timing.quantile_s(percent / 100)), group=SPEED, format=format_time,
        task=GENERATION, short=f"ITL p{percent}", source="itl_s",
    )  # fmt: skip


METRICS.register(part_metric("ttft_s", "Time to first token", GENERATION, "TTFT", is_headline=True))
METRICS.register(part_metric("tpot_s", "Time per output token", GENERATION, "TPOT", is_headline=True))
for _percent in (50, 90, 99):
    METRICS.register(_gap_metric(_percent))
METRICS.register(
    _part_rate(
        "prefill_tokens_per_s", "Prefill", "Prefill", "ttft_s",
        lambda case: (case.batch_size or 0) * (case.sequence_length or 0),
    )
)  # fmt: skip
METRICS.register(_part_rate("decode_tokens_per_s", "Decode", "Decode", "tpot_s", lambda case: case.batch_size or 0))
METRICS.register(
    Metric(
        "kv_cache_mb", "Cache", "MB", group=MEMORY, is_headline=True, format=lambda mb: f"{format_number(mb)} MB",
        task=GENERATION, short="Cache",
    )
)  # fmt: skip
METRICS.register(phase_metric("prefill", GENERATION))
METRICS.register(phase_metric("decode", GENERATION))
