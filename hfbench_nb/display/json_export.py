"""Results as JSON: our own rows, or what dashboards of others read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.registry import Registry
from hfbench_nb.rendering.suggestions import no_such
from hfbench_nb.results.metrics import METRICS, Metric
from hfbench_nb.results.result_set import ResultSet, Row

Records = Callable[[ResultSet, Sequence[Metric]], list[dict[str, Any]]]


@dataclass(frozen=True)
class JsonFormat:
    """A form of JSON in which results can be written.

    Attributes
    ----------
    name
        Its name in ``to_json(format=...)``.
    records
        Returns what is written, of results and the metrics that were chosen.
    """

    name: str
    records: Records


JSON_FORMATS: Registry[JsonFormat] = Registry("format")


def to_json(results: ResultSet, format: str = "rows", *, values: str | Sequence[str] | None = None) -> str:  # noqa: A002
    """Return the results as JSON text, which other programs read.

    Parameters
    ----------
    results
        What to write; the results themselves when called as a method.
    format
        ``rows``: an object per case, with the columns of the frame, the label and the environment;
        ``github-action-benchmark``: what that action takes as ``customSmallerIsBetter`` or ``customBiggerIsBetter``;
        ``pytorch``: records of PyTorch's benchmark database, one per case and metric.
    values
        Names of the metrics; by default those that have tables and were measured.

    Raises
    ------
    ArgumentError
        If there is no such format or metric, or none of them was measured; or if github-action-benchmark is to take
        metrics some of which are better when higher, and others when lower.
    """
    if format not in JSON_FORMATS:
        raise no_such("format", format, JSON_FORMATS.names)
    return json.dumps(JSON_FORMATS[format].records(results, _metrics_of(results, values)), indent=2)


def _metrics_of(results: ResultSet, values: str | Sequence[str] | None) -> list[Metric]:
    if values is None:
        return [metric for metric in METRICS if metric.is_headline and results.is_measured(metric)]
    names = [values] if isinstance(values, str) else list(values)
    for name in names:
        if name not in METRICS:
            raise no_such("values", name, METRICS.names)
    chosen = [METRICS[name] for name in names]
    if not any(results.is_measured(metric) for metric in chosen):
        raise ArgumentError(f"There is nothing to write: {' and '.join(names)} was not measured.", "values")
    return chosen


def _rows(results: ResultSet, metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    return [
        {"label": row.label, **_plain(cells), "environment": dict(row.environment)}
        for row, cells in zip(results.rows, json.loads(results.frame.to_json(orient="records")), strict=True)
    ]


def _plain(cells: dict[str, Any]) -> dict[str, Any]:
    """Return what a row of the frame says: a metric that is absent is null, as JSON has no NaN."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in cells.items()
    }


def _github_action_benchmark(results: ResultSet, metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    check_direction(metrics)
    return [
        entry_of(row, metric)
        for row in results.rows
        for metric in metrics
        if not math.isnan(metric.of(row.case, row.measurement))
    ]


def check_direction(metrics: Sequence[Metric]) -> None:
    """Raise unless all metrics are better when lower, or all when higher: github-action-benchmark knows one direction.

    Raises
    ------
    ArgumentError
        If they differ.
    """
    if len({metric.higher_is_better for metric in metrics}) > 1:
        raise ArgumentError(
            "github-action-benchmark takes metrics that are better when lower, or the others.", "metric"
        )


def entry_of(row: Row, metric: Metric, **more: Any) -> dict[str, Any]:
    """Return a metric of a row as github-action-benchmark reads it."""
    value, low, high = metric.estimate_of(row.case, row.measurement)
    entry: dict[str, Any] = {"name": f"{row}: {metric.title}", "unit": metric.unit, "value": value}
    if math.isfinite(high - low):
        entry["range"] = f"\N{PLUS-MINUS SIGN} {(high - low) / 2:.3g}"
    return {**entry, **more}


def _pytorch(results: ResultSet, metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """Return the records of PyTorch's benchmark database: one metric of a case, with its value in each round.

    The form is that of https://github.com/pytorch/pytorch/wiki/How-to-integrate-with-PyTorch-OSS-benchmark-database.
    """
    return [
        _pytorch_record(row, metric, values)
        for row in results.rows
        for metric in metrics
        if (values := [*metric.by_round(row.case, row.measurement).values()])
    ]


def _pytorch_record(row: Row, metric: Metric, values: list[float]) -> dict[str, Any]:
    facts, case, model = row.environment, row.case, row.measurement.model_facts
    versions = {"torch": facts.get("framework_version"), "transformers": facts.get("transformers_version")}
    return {
        "benchmark": {
            "name": "hfbench_nb",
            "mode": case.task,
            "dtype": row.settings.get("dtype"),
            "extra_info": {
                "label": row.label,
                **case.sizes_by_name,
                **{name: value for name, value in row.settings.items() if value is not None},
            },
        },
        "model": {
            "name": case.model,
            "type": None if model is None else model.model_class,
            "backend": case.framework,
            "origins": ["transformers"],
        },
        "metric": {
            "name": metric.name,
            "benchmark_values": values,
            "target_value": None,
            "extra_info": {"unit": metric.unit, "higher_is_better": metric.higher_is_better},
        },
        "runners": [
            {
                "name": facts.get("gpu") or facts.get("cpu_model"),
                "cpu_info": facts.get("cpu_model"),
                "cpu_count": facts.get("usable_cores"),
                "avail_mem_in_gb": _gigabytes(facts.get("cpu_ram_mb")),
                "gpu_info": facts.get("gpu"),
                "gpu_count": facts.get("num_gpus"),
                "gpu_mem_in_gb": _gigabytes(facts.get("gpu_ram_mb")),
            }
        ],
        "dependencies": {name: {"version": version} for name, version in versions.items() if version},
    }


def _gigabytes(mb: Any) -> int | None:
    return round(mb / 1024) if isinstance(mb, int | float) else None


for _name, _records in (
    ("rows", _rows), ("github-action-benchmark", _github_action_benchmark), ("pytorch", _pytorch),
):  # fmt: skip
    JSON_FORMATS.register(JsonFormat(_name, _records))
