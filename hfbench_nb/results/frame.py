"""The tidy DataFrame of a result set."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from hfbench_nb.protocol.case import IDENTITY, Case, Settings
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.results.metrics import MEMORY, METRICS, SPEED, Metric


def columns(measured: Iterable[tuple[Case, Measurement]]) -> list[str]:
    """Return the names of the columns: identity, a column per axis, status, metrics, and the error.

    A metric that only some tasks have is a column where there are cases of those; a rare one, where a case has it.
    """
    known = list(measured)
    axes = dict.fromkeys(name for case, _ in known for name in case.settings)
    return [
        *IDENTITY,
        *axes,
        "status",
        *(metric.name for metric in _of_group(SPEED, known)),
        "samples",
        "noisy",
        *(metric.name for metric in _of_group(MEMORY, known)),
        "memory_method",
        *(metric.name for metric in _of_group("", known)),
        "error",
    ]


def make_frame(rows: Sequence[tuple[Case, Measurement, Settings]]) -> pd.DataFrame:
    """Make a DataFrame with one row per case: times in seconds, memory in MB of 2^20 bytes, NaN where absent.

    Parameters
    ----------
    rows
        Each case with its measurement and its resolved settings.
    """
    names = columns((case, measurement) for case, measurement, _ in rows)
    frame = pd.DataFrame([_row(names, *row) for row in rows], columns=names)
    whole = (metric.name for metric in METRICS if metric.is_whole)
    return frame.astype({name: "Int64" for name in whole if name in frame})


def make_rounds_frame(rows: Sequence[tuple[Case, Measurement, Settings]]) -> pd.DataFrame:
    """Make a DataFrame with one row per round of each case: the columns of `make_frame`, ``round`` and ``reference_s``.

    That is the median time of the reference piece of work during the round, seconds.
    """
    each = [(case, part, settings) for case, measurement, settings in rows for part in measurement.each_round]
    frame = make_frame(each)
    frame.insert(len(IDENTITY), "round", [part.round for _, part, _ in each])
    frame["reference_s"] = [_reference_s(part) for _, part, _ in each]
    return frame


def _reference_s(measurement: Measurement) -> float:
    readings_s = () if measurement.timing is None else measurement.timing.reference_s
    return statistics.median(readings_s) if readings_s else math.nan


def _of_group(group: str, measured: Sequence[tuple[Case, Measurement]]) -> list[Metric]:
    tasks = {case.task for case, _ in measured}
    of_group = [metric for metric in METRICS if metric.is_column and metric.group == group]
    of_tasks = [metric for metric in of_group if (any(map(metric.is_of, tasks)) if tasks else not metric.task)]
    return [m for m in of_tasks if not m.is_rare or any(not math.isnan(m.of(*each)) for each in measured)]


def _row(names: Sequence[str], case: Case, measurement: Measurement, settings: Settings) -> dict[str, Any]:
    timing, memory = measurement.timing, measurement.memory
    wanted = set(names)
    known = {name: value for name, value in case.identity.items() if value is not None}
    return {
        **dict.fromkeys(names, math.nan),
        **known,
        **settings,
        "status": measurement.status,
        **{metric.name: metric.of(case, measurement) for metric in METRICS if metric.name in wanted},
        "samples": 0 if timing is None else len(timing.samples_s),
        "noisy": measurement.noisy,
        "memory_method": "" if memory is None else memory.method,
        "error": "" if measurement.failure is None else str(measurement.failure),
    }
