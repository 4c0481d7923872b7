"""What a comparison says of its pairs: values, ratios with their intervals, and verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from hfbench_nb.analysis.ratios import Pair
from hfbench_nb.display.table_parts import TOO_NOISY, USELESS_SHARE, half_width_of
from hfbench_nb.protocol.round_stats import Estimate
from hfbench_nb.rendering.units import format_ratio
from hfbench_nb.results.metrics import Metric

UNDECIDED = "cannot be told"
_WORDS = {"s": ("faster", "slower"), "MB": ("less", "more")}


def frame_row(pair: Pair, metrics: Iterable[Metric], axes: Iterable[str]) -> dict[str, Any]:
    """Return a row of `Comparison.frame`; `axes` are those that vary."""
    this, other = pair.this, pair.other
    row: dict[str, Any] = {
        "model": this.label,
        "other_model": other.label,
        "framework": this.case.framework,
        "other_framework": other.case.framework,
        "task": this.case.task,
        **this.case.sizes_by_name,
    }
    for name in axes:
        row |= {name: this.requested.get(name), f"other_{name}": other.requested.get(name)}
    row |= {"status": this.measurement.status, "other_status": other.measurement.status}
    for metric in metrics:
        row[metric.name], row[f"other_{metric.name}"] = pair.values(metric)
        estimate = pair.estimate(metric)
        row[f"{metric.stem}_ratio"] = estimate.value
        row |= {f"{metric.stem}_ratio_ci_low": estimate.low, f"{metric.stem}_ratio_ci_high": estimate.high}
        row[f"{metric.stem}_differs"] = estimate.excludes_one
    return row


def pair_texts(pair: Pair, metric: Metric) -> dict[str, str]:
    """Return both values of a metric, and the texts of their ratio."""
    absent = ["N/A" if row.measurement.succeeded else row.measurement.status for row in (pair.this, pair.other)]
    this, other = (metric.text(value) or text for value, text in zip(pair.values(metric), absent, strict=True))
    return {"this": this, "other": other, **ratio_texts(pair.estimate(metric), metric)}


def ratio_texts(estimate: Estimate, metric: Metric) -> dict[str, str]:
    """Return ratio, interval and verdict; of an interval that tells nothing, that it is too noisy."""
    interval = ""
    if half_width_of(estimate) > USELESS_SHARE and not estimate.excludes_one:
        interval = TOO_NOISY
    elif not math.isnan(estimate.low):
        interval = f"[{format_ratio(estimate.low)}, {format_ratio(estimate.high)}]"
    return {"ratio": format_ratio(estimate.value), "interval": interval, "verdict": _verdict(estimate, metric)}


def _verdict(estimate: Estimate, metric: Metric) -> str:
    if estimate.excludes_one is None:
        return ""
    if not estimate.excludes_one:
        return UNDECIDED
    is_lower = estimate.value < 1
    words = _WORDS.get(metric.unit)
    if words is not None:
        return words[0] if is_lower else words[1]
    return "better" if is_lower != metric.higher_is_better else "worse"
