"""What tables of results consist of: cells with their marks, blocks of rows, and tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hfbench_nb.analysis.ratios import told_apart
from hfbench_nb.protocol.measurement import MEGABYTE, Measurement
from hfbench_nb.protocol.round_stats import Estimate
from hfbench_nb.rendering.escaping import printable, printable_lines
from hfbench_nb.rendering.units import counted, format_memory, format_number, format_share, format_time, time_unit
from hfbench_nb.results.metrics import METRICS, Metric
from hfbench_nb.results.result_set import Row

NOISY_MARK = "\N{WARNING SIGN}\N{VARIATION SELECTOR-15}"  # shown as text, not as a coloured emoji

# Half an interval's width as a share of its value, beyond which the value counts as not yet known.
UNKNOWN_SHARE = 0.25
# Beyond this one the interval is so wide that its ends say nothing.
USELESS_SHARE = 1.0
TOO_NOISY = "too noisy"
# What the spread of a cell is.
SPREAD, INTERVAL, NOISE = "spread", "interval", "too_noisy"

# Smaller amounts of memory, such as caches, are shown with three digits.
_WHOLE_MB = 100

Size: TypeAlias = int | None
Key: TypeAlias = tuple[Any, ...]
"""The label of a row, and what its values are compared by: batch size, sequence length, further sizes."""


@dataclass(frozen=True)
class TableCell:
    """One cell of a table: the value of a case, its spread or interval, its marks, and the text shown on hover.

    Attributes
    ----------
    spread, spread_kind
        How well the value is known, and whether that is a `SPREAD`, an `INTERVAL` or `NOISE`; empty if it is not told.
    """

    text: str
    spread: str = ""
    hint: str = ""
    spread_kind: str = ""
    failed: bool = False
    noisy: bool = False
    best: bool = False
    unknown: bool = False


@dataclass(frozen=True)
class Block:
    """The rows of one batch size: one per label, with a cell (or None) for each column."""

    batch_size: Size
    rows: tuple[tuple[str, tuple[TableCell | None, ...]], ...]


@dataclass(frozen=True)
class Table:
    """One metric of one task, all in one unit, or several metrics of one task side by side.

    Attributes
    ----------
    subject
        What the values are: a metric, without its unit.
    title
        The same with the unit, the task, and the batch size if there is only one.
    row_title
        What the rows are: models or functions.
    column_title
        What the columns are; empty if there is only one.
    columns
        The sequence lengths, ascending; for functions, which have none, what the value is; for a table of several
        metrics, sizes and metrics.
    blocks
        One block per batch size, ascending.
    size_columns
        How many columns, the first, show sizes of the case and no metric.
    row_notes
        What is told beside the name of a row.
    """

    subject: str
    title: str
    row_title: str
    column_title: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]
    size_columns: int = 0
    row_notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> Iterator[TableCell]:
        """Every cell that shows a case."""
        return (cell for block in self.blocks for _, cells in block.rows for cell in cells if cell is not None)

    @property
    def has_interval(self) -> bool:
        """Whether the ends of an interval are shown, or that there is no useful one."""
        return any(cell.spread_kind in (INTERVAL, NOISE) for cell in self.cells)

    @property
    def has_spread(self) -> bool:
        """Whether a value is shown with its spread."""
        return any(cell.spread for cell in self.cells)


def metric_cells(metric: Metric, rows: Mapping[Key, Row]) -> tuple[dict[Key, TableCell], str]:
    """Return the cells of the rows that have a metric, and the unit in which all are shown.

    The rows whose keys differ in the label alone are compared.
    """
    found = {key: metric.estimate_of(row.case, row.measurement) for key, row in rows.items()}
    found = {key: estimate for key, estimate in found.items() if not math.isnan(estimate.value)}
    values = [estimate.value for estimate in found.values()]
    scale, unit = _unit_of(metric, values)
    best = _best(metric, rows, found)
    return {key: _cell(metric, rows[key], found[key], scale, is_best=key in best) for key in found}, unit


def _unit_of(metric: Metric, values: list[float]) -> tuple[float, str]:
    """Return the unit in which a table shows these values of a metric: its size in that of the metric, and its name."""
    if metric.unit == "s":
        return time_unit(values)
    return (0.01, "%") if metric.is_share else (1.0, metric.unit)


def _cell(metric: Metric, row: Row, estimate: Estimate, scale: float, *, is_best: bool) -> TableCell:
    """Make the cell of a value, in the unit of the table, of which it is `scale` times as much."""
    value, half_width = estimate.value / scale, half_width_of(estimate)
    if metric.unit == "MB":
        hint = _hint(_memory_parts(row.measurement), row)
        spread = _range_of_rounds(metric, row)
        return TableCell(_memory_text(value), spread, hint, SPREAD if spread else "", best=is_best)
    timing = metric.timing_of(row.measurement)
    text, parts = format_number(value) if metric.unit or metric.is_share else metric.text(value), []
    spread, kind = "", ""
    if not math.isnan(estimate.low):
        spread, kind = _spread_of(estimate, scale)
        if kind == NOISE and timing is not None:
            parts.append(f"samples from {format_time(timing.min_s)} to {format_time(timing.max_s)}")
        else:
            parts.append(f"95 % interval {metric.text(estimate.low)} to {metric.text(estimate.high)}")
    if timing is not None:
        count, rounds = len(timing.samples_s), len(timing.round_sizes)
        parts.append(counted(count, "sample") + (f" in {rounds} rounds" if rounds > 1 else ""))
        if count == 1 and "." in text:
            text = text.rstrip("0").rstrip(".")  # 0.006 s, as published, has one digit
    parts += [
        f"{other.short} {other.text(further)}"
        for other in METRICS
        if other.beside == metric.name and not math.isnan(further := other.of(row.case, row.measurement))
    ]
    unknown = half_width > UNKNOWN_SHARE
    noisy = timing is not None and timing.noisy and not unknown  # one mark: the stronger
    return TableCell(text, spread, _hint(parts, row), kind, noisy=noisy, best=is_best, unknown=unknown)


def _spread_of(estimate: Estimate, scale: float) -> tuple[str, str]:
    """Return how well a value is known, and of which kind that is.

    That is ``±2.8 %``; its interval if that is wide; or that it is too noisy.

    Parameters
    ----------
    estimate
        The value with its interval.
    scale
        How much of its unit the unit of the interval shown is.
    """
    half_width = half_width_of(estimate)
    if half_width <= UNKNOWN_SHARE:
        return format_share(half_width), SPREAD
    if half_width > USELESS_SHARE:
        return TOO_NOISY, NOISE
    return f"[{format_number(estimate.low / scale)}, {format_number(estimate.high / scale)}]", INTERVAL


def half_width_of(estimate: Estimate) -> float:
    """Return half the width of the interval of a value as a share of the value; 0 where there is no interval."""
    value, low, high = estimate
    if math.isnan(low) or math.isnan(high):
        return 0.0
    return (high - low) / 2 / abs(value) if value else math.inf


def _range_of_rounds(metric: Metric, row: Row) -> str:
    """Return how far the rounds lie apart, as half their range; empty if readings of one case may differ by as much."""
    values = [*metric.by_round(row.case, row.measurement).values()]
    share = (max(values) - min(values)) / 2 / max(values) if values and max(values) > 0 else 0.0
    is_much = metric.resolution is None or share > metric.resolution(max(values, default=0.0))
    return format_share(share) if share and is_much else ""


def _memory_text(value: float) -> str:
    return f"{round(value):,}" if value >= _WHOLE_MB else format_number(value)


def _memory_parts(measurement: Measurement) -> list[str]:
    memory = measurement.memory
    if memory is None:
        return []
    parts = {"baseline": memory.baseline_bytes, "weights": memory.weights_bytes, "working": memory.working_bytes}
    known = [f"{name} {format_memory(size / MEGABYTE)}" for name, size in parts.items() if size is not None]
    return [*known, memory.method]


def _hint(parts: Iterable[str], row: Row) -> str:
    return printable_lines("; ".join(part for part in (", ".join(parts), row.measurement.note) if part))


def _best(metric: Metric, rows: Mapping[Key, Row], found: Mapping[Key, Estimate]) -> set[Key]:
    """Return the cells of each column that hold its best value, and what cannot be told from it.

    Parameters
    ----------
    metric
        The metric, which defines what is better.
    rows
        The case of each cell.
    found
        The value of each cell that has one, with its interval.
    """
    columns: dict[Key, list[Key]] = {}
    for key in found:
        columns.setdefault(key[1:], []).append(key)
    best: set[Key] = set()
    for column in columns.values():
        first = (max if metric.higher_is_better else min)(column, key=lambda key: found[key].value)
        if half_width_of(found[first]) > UNKNOWN_SHARE:
            continue
        alike = {key for key in column if key == first or not _is_apart(metric, rows[first], rows[key])}
        if len(alike) < len(column):
            best |= {key for key in alike if half_width_of(found[key]) <= UNKNOWN_SHARE}
    return best


def _is_apart(metric: Metric, best: Row, row: Row) -> bool:
    texts = {_memory_text(metric.of(each.case, each.measurement)) for each in (best, row)}
    return not (metric.unit == "MB" and len(texts) == 1) and told_apart(best, row, metric)


def size_notes(rows: Iterable[Row]) -> dict[str, str]:
    """Return the number of parameters of each row's model, by the label of the row, where it is known."""
    metric = METRICS["parameters"]
    texts = {printable(row.label): metric.text(metric.of(row.case, row.measurement)) for row in rows}
    return {label: f"{text} parameters" for label, text in texts.items() if text}


def only_batch_size(blocks: Iterable[Block]) -> str:
    """Return the batch size for the title, if there is only one."""
    sizes = [block.batch_size for block in blocks]
    return f", batch size {sizes[0]}" if len(sizes) == 1 and sizes[0] is not None else ""


def without_value(row: Row | None) -> TableCell | None:
    """Return the cell of a case that lacks the metric; None where there is no case."""
    if row is None:
        return None
    text = "N/A" if row.measurement.succeeded else row.measurement.status
    return TableCell(text, hint=printable_lines(str(row.measurement.failure or "")), failed=True)
