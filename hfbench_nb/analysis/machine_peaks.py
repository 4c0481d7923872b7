"""What the machines of some results can do at most: as measured, and as their makers publish."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.published import published_of
from hfbench_nb.protocol.peaks import Peaks
from hfbench_nb.rendering.units import counted
from hfbench_nb.results.result_set import ResultSet, Row

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Roof:
    """The peaks of a device for a data type and a number of threads.

    Attributes
    ----------
    machine, device, dtype, threads
        What they are of; threads of a CPU alone.
    peaks
        What was measured.
    published_gflops_per_s, published_gb_per_s
        What the maker publishes; NaN where that is not known.
    """

    machine: str
    device: str
    dtype: str
    threads: int | None
    peaks: Peaks
    published_gflops_per_s: float = math.nan
    published_gb_per_s: float = math.nan

    def __str__(self) -> str:
        threads = "" if self.threads is None else f", {counted(self.threads, 'thread')}"
        return f"{self.machine or self.device}, {self.dtype}{threads}"


def roof_of(row: Row) -> Roof | None:
    """Return the peaks of the machine that measured a row; None where they are not known."""
    peaks = row.measurement.peaks
    if peaks is None:
        return None
    device, dtype = str(row.settings.get("device", "cpu")), peaks.dtype
    if device == "cpu":
        return Roof(
            str(row.environment.get("cpu_model") or ""), device, dtype, _whole(row.settings.get("threads")), peaks
        )
    gpu = str(row.environment.get("gpu") or "")
    known = published_of(gpu) or {}
    rates: dict[str, float] = known.get("tflops_per_s", {})
    return Roof(gpu, device, dtype, None, peaks, 1000 * rates.get(dtype, math.nan), known.get("gb_per_s", math.nan))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def roofs_of(results: ResultSet) -> list[Roof]:
    """Return the peaks of the machines of some results, each once."""
    found = (roof_of(row) for row in results.rows)
    return [*{json.dumps([str(roof), roof.peaks.to_dict()]): roof for roof in found if roof is not None}.values()]


def machine_peaks(results: ResultSet) -> pd.DataFrame:
    """Return what the machine can do at most, a row per device, data type and number of threads.

    Parameters
    ----------
    results
        What was measured there; the results themselves when called as a method.

    Returns
    -------
    pandas.DataFrame
        With the columns ``machine``, ``device``, ``dtype``, ``threads``; ``gflops_per_s`` and ``gb_per_s``, the best
        rates of matrix products and of memory that were measured, with their medians; and for well-known GPUs
        ``published_gflops_per_s`` and ``published_gb_per_s``, dense, without TF32.
    """
    import pandas as pd

    roofs = roofs_of(results)
    columns: dict[str, list[Any]] = {
        "machine": [roof.machine for roof in roofs],
        "device": [roof.device for roof in roofs],
        "dtype": [roof.dtype for roof in roofs],
        "threads": [roof.threads for roof in roofs],
        "gflops_per_s": [roof.peaks.gflops_per_s.best for roof in roofs],
        "gflops_per_s_median": [roof.peaks.gflops_per_s.median for roof in roofs],
        "gb_per_s": [roof.peaks.gb_per_s.best for roof in roofs],
        "gb_per_s_median": [roof.peaks.gb_per_s.median for roof in roofs],
        "published_gflops_per_s": [roof.published_gflops_per_s for roof in roofs],
        "published_gb_per_s": [roof.published_gb_per_s for roof in roofs],
    }
    return pd.DataFrame(columns).astype({"threads": "Int64"})
