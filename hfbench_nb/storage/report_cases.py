"""From the rows of a text report to cases and what was measured of them."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import LARGEST_VALUE, MEGABYTE, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

UNITS = {"speed": "s", "memory": "MB"}
"""The metrics that are read, with their units."""
NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Row:
    """A row of a table: its line number, starting at 1, its text, its case, and the result as printed."""

    line: int
    text: str
    case: Case
    result: str


def number_of(text: str) -> float | None:
    """Return the number that a text is; None if it is none in range."""
    number = float(text) if NUMBER.fullmatch(text) else math.inf
    return number if number <= LARGEST_VALUE else None


def attribute(tables: dict[tuple[str, str], list[Row]], problems: list[str]) -> dict[str, dict[Case, str]]:
    """Return each metric's results as printed, by case; rows that cannot be attributed with certainty are left out."""
    found: dict[str, dict[Case, str]] = {metric: {} for metric in UNITS}
    for (task, metric), rows in tables.items():
        other = tables.get((task, "memory" if metric == "speed" else "speed"), [])
        for model in dict.fromkeys(row.case.model for row in rows):
            of_model = [row for row in rows if row.case.model == model]
            places = [row.case for row in other if row.case.model == model]
            found[metric] |= _attribute_rows(of_model, places, problems)
    return found


def _attribute_rows(rows: list[Row], places: list[Case], problems: list[str]) -> dict[Case, str]:
    """Attribute the rows of one model in one table.

    A case that occurs twice is a typing error, as in the old documentation. Both tables of a run are printed in the
    same order, so the other table (`places`) can show which row was meant.
    """
    times = Counter(row.case for row in rows)
    if len(times) == len(rows):
        return {row.case: row.result for row in rows}
    if _fit(rows, places, times):
        problems.extend(
            f"line {row.line} is read as batch size {case.batch_size}, sequence length {case.sequence_length}, as "
            f"at this position of the other table; the printed case occurs twice: {row.text!r}"
            for row, case in zip(rows, places, strict=True)
            if row.case != case
        )
        return {case: row.result for row, case in zip(rows, places, strict=True)}
    results: dict[Case, set[str]] = {}
    for row in rows:
        results.setdefault(row.case, set()).add(row.result)
    kept: dict[Case, str] = {}
    for row in rows:
        if len(results[row.case]) == 1 and row.case not in kept:
            kept[row.case] = row.result
        else:
            problems.append(f"line {row.line} is left out, its case occurs twice: {row.text!r}")
    return kept


def _fit(rows: list[Row], places: list[Case], times: Counter[Case]) -> bool:
    """Return whether the rows are those of `places`, except for cases that occur twice."""
    if len(places) != len(rows) or len(set(places)) < len(places):
        return False
    in_place = {row.case for row, place in zip(rows, places, strict=True) if row.case == place}
    misplaced = [row.case for row, place in zip(rows, places, strict=True) if row.case != place]
    return all(case in in_place and times[case] > 1 for case in misplaced)


def measurement_of(
    case: Case, found: dict[str, dict[Case, str]], reasons: dict[Case, tuple[str, list[str]]]
) -> Measurement:
    """Return what is known of a case: its results as printed, by metric, and the status and reason that it may have."""
    printed = {metric: results[case] for metric, results in found.items() if case in results}
    metrics = {metric: number_of(text) or None for metric, text in printed.items()}
    time_s, memory_mb = metrics.get("speed"), metrics.get("memory")
    timing = None if time_s is None else Timing((time_s,))
    memory = None if memory_mb is None else MemoryUse("read from a report", round(memory_mb * MEGABYTE))
    if case in reasons:
        status, lines = reasons[case]
        return Measurement(status, timing, memory, _failure("\n".join(lines).rstrip()))
    missing = {metric: text for metric, text in printed.items() if metrics[metric] is None}
    if not missing:
        return Measurement("ok", timing, memory)
    # "< 0.001" is an upper bound, and zero is a result of rounding: neither becomes a number, but the case was
    # measured, so its status is "ok", and the reason says what was printed. The same applies to N/A next to a metric:
    # the original printed it for the memory of all cases if NVML was not installed. A case with nothing but N/A has
    # failed.
    status = "error" if all(text == "N/A" for text in printed.values()) else "ok"
    messages = [
        f"the report says {text!r} for {metric}" if text == "N/A" else f"published as {text} {UNITS[metric]}"
        for metric, text in missing.items()
    ]
    return Measurement(status, timing, memory, Failure("MissingResult", "; ".join(messages)))


def _failure(text: str) -> Failure | None:
    """Split a reason, so that the text of the failure is again the printed one."""
    if text == "None":
        return None
    error_type, _, message = text.partition(": ")
    return Failure(error_type, message)
