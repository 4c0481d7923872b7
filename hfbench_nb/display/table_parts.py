"""What tables of results consist of: cells with their marks, blocks of rows, and tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hfbench_nb.protocol.measurement import MEGABYTE, Measurement
from hfbench_nb.rendering.escaping import printable_lines
from hfbench_nb.rendering.units import format_memory, format_number, format_share, time_unit
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.result_set import Row

NOISY_MARK = "\N{WARNING SIGN}\N{VARIATION SELECTOR-15}"  # shown as text, not as a coloured emoji

# Smaller amounts of memory, such as caches, are shown with three digits.
_WHOLE_MB = 100

Size: TypeAlias = int | None
Key: TypeAlias = tuple[Any, ...]
"""The label of a row, and what its values are compared by: batch size, sequence length, further sizes."""


@dataclass(frozen=True)
class TableCell:
    """One cell of a table: the value of a case, its spread, its marks, and the text shown on hover."""

    text: str
    spread: str = ""
    hint: str = ""
    failed: bool = False
    noisy: bool = False
    best: bool = False


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
    title
        The metric with its unit, the task, and the batch size if there is only one.
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
    """

    title: str
    row_title: str
    column_title: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]
    size_columns: int = 0

    @property
    def cells(self) -> Iterator[TableCell]:
        """Every cell that shows a case."""
        return (cell for block in self.blocks for _, cells in block.rows for cell in cells if cell is not None)

    @property
    def has_spread(self) -> bool:
        """Whether a value is shown with its spread."""
        return any(cell.spread for cell in self.cells)


def metric_cells(metric: Metric, rows: Mapping[Key, Row]) -> tuple[dict[Key, TableCell], str]:
    """Return the cells of the rows that have a metric, and the unit in which all are shown.

    The rows whose keys differ in the label alone are compared.
    """
    values = {key: metric.of(row.case, row.measurement) for key, row in rows.items()}
    values = {key: value for key, value in values.items() if value == value}
    scale, unit = time_unit(values.values()) if metric.unit == "s" else (1.0, metric.unit)
    best = _best(metric, {key: (value, *_bounds(metric, rows[key], value)) for key, value in values.items()})
    cells = {key: _cell(metric, rows[key], value / scale, is_best=key in best) for key, value in values.items()}
    return cells, unit


def _cell(metric: Metric, row: Row, value: float, *, is_best: bool) -> TableCell:
    """Make the cell of a value, in the unit of the table."""
    if metric.unit == "MB":
        return TableCell(_memory_text(value), hint=_hint(_memory_parts(row.measurement), row), best=is_best)
    if metric.interval is None:
        return TableCell(format_number(value), hint=_hint([], row), best=is_best)
    timing = metric.timing_of(row.measurement)
    text, spread, parts = format_number(value), "", []
    low, high = metric.interval_of(row.case, row.measurement)
    if low == low:
        amount = abs(metric.of(row.case, row.measurement))
        spread = format_share((high - low) / 2 / amount if amount else math.inf)
        parts.append(f"95 % interval {metric.text(low)} to {metric.text(high)}")
    if timing is not None:
        count = len(timing.samples_s)
        parts.append(f"{count} sample{'s' if count > 1 else ''}")
        if count == 1 and "." in text:
            text = text.rstrip("0").rstrip(".")  # 0.006 s, as published, has one digit
    return TableCell(text, spread, _hint(parts, row), noisy=timing is not None and timing.noisy, best=is_best)


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


def _bounds(metric: Metric, row: Row, value: float) -> tuple[float, float]:
    """Return the interval that distinguishes a value from others; without an interval, the value as shown, twice."""
    low, high = metric.interval_of(row.case, row.measurement)
    if low == low and high == high:
        return low, high
    shown = float(_memory_text(value).replace(",", "")) if metric.unit == "MB" else value
    return shown, shown


def _best(metric: Metric, values: Mapping[Key, tuple[float, float, float]]) -> set[Key]:
    """Return the cells whose interval overlaps that of the best of their column.

    Parameters
    ----------
    metric
        The metric, which defines what is better.
    values
        Each value and the ends of its interval, in any unit.
    """
    columns: dict[Key, dict[Key, tuple[float, float]]] = {}
    for key, (_, low, high) in values.items():
        # With the sign changed where higher is better, the smallest is the best.
        bounds = (-high, -low) if metric.higher_is_better else (low, high)
        columns.setdefault(key[1:], {})[key] = bounds
    centres = {key: -value if metric.higher_is_better else value for key, (value, _, _) in values.items()}
    best: set[Key] = set()
    for column in columns.values():
        first = min(column, key=lambda key: centres[key])
        marked = {key for key, (low, _) in column.items() if low <= column[first][1]}
        if len(marked) < len(column):
            best |= marked
    return best


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
