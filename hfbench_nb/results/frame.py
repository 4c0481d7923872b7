"""The tidy DataFrame of a sweep."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pandas as pd

from hfbench_nb.protocol.records import MEGABYTE, Cell, Measurement

COLUMNS = (
    "framework", "model", "task", "batch_size", "sequence_length", "status", "time_s", "time_ci_low_s",
    "time_ci_high_s", "time_min_s", "time_mean_s", "time_std_s", "samples", "noisy", "memory_mb", "baseline_mb",
    "weights_mb", "working_mb", "memory_method", "error",
)  # fmt: skip


def make_frame(entries: Iterable[tuple[Cell, Measurement]]) -> pd.DataFrame:
    """Make a DataFrame with a row a cell: times in seconds, memory in MB of 2^20 bytes, NaN where absent."""
    return pd.DataFrame([_row(*entry) for entry in entries], columns=list(COLUMNS))


def _row(cell: Cell, measurement: Measurement) -> dict[str, Any]:
    timing, memory = measurement.timing, measurement.memory
    known = {name: value for name, value in asdict(cell).items() if value is not None}
    row: dict[str, Any] = {**dict.fromkeys(COLUMNS, math.nan), **known}
    row |= {"status": measurement.status, "samples": 0, "noisy": False, "memory_method": "", "error": ""}
    if timing is not None:
        low_s, high_s = timing.interval_s
        row |= {
            "time_s": timing.median_s,
            "time_ci_low_s": low_s,
            "time_ci_high_s": high_s,
            "time_min_s": timing.min_s,
            "time_mean_s": timing.mean_s,
            "time_std_s": timing.std_s,
            "samples": len(timing.samples_s),
            "noisy": timing.noisy,
        }
    if memory is not None:
        row |= {
            "memory_mb": memory.peak_bytes / MEGABYTE,
            "baseline_mb": _megabytes(memory.baseline_bytes),
            "weights_mb": _megabytes(memory.weights_bytes),
            "working_mb": _megabytes(memory.working_bytes),
            "memory_method": memory.method,
        }
    if measurement.failure is not None:
        row["error"] = str(measurement.failure)
    return row


def _megabytes(amount_bytes: int | None) -> float:
    return math.nan if amount_bytes is None else amount_bytes / MEGABYTE
