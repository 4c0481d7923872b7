"""The contents of the tables of results; `html_tables` and `markdown_tables` render them.

The best of a column are all values that cannot be told from the best one: by the rounds that both cases have in common
(see `hfbench_nb.analysis.ratios.told_apart`), or where there was one round by their intervals; memory that is shown as
the same number is alike.  If that is the whole column, or its only value, nothing is marked; and a value whose interval
is very wide is not known yet, and never the best.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hfbench_nb.analysis.ratios import told_apart
from hfbench_nb.protocol.measurement import MEGABYTE, Measurement
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.rendering.escaping import printable, printable_lines
from hfbench_nb.rendering.units import format_memory, format_number, format_share, time_unit
from hfbench_nb.results.metrics import SPEED, Metric
from hfbench_nb.results.result_set import ResultSet, Row

NOISY_MARK = "\N{WARNING SIGN}\N{VARIATION SELECTOR-15}"  # shown as text, not as a coloured emoji
_LEGEND = {
    "spread": ("\N{PLUS-MINUS SIGN}", "half the 95 % confidence interval of the median"),
    "best": ("Bold", "the best of its column and batch size, and what cannot be told from it"),
    "noisy": (NOISY_MARK, "noisy: the interval stayed wider than asked for"),
    "unknown": ("?", "not yet known: the interval is wider than ±25 %"),
}
# Half an interval's width as a share of its value, beyond which the value counts as not yet known.
UNKNOWN_SHARE = 0.25

Size: TypeAlias = int | None
Key: TypeAlias = tuple[str, Size, Size]


@dataclass(frozen=True)
class TableCell:
    """One cell of a table: the value of a case, its spread, its marks, and the text shown on hover."""

    text: str
    spread: str = ""
    hint: str = ""
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
    """One metric of one task, all in one unit.

    Attributes
    ----------
    title
        The metric with its unit, the task, and the batch size if there is only one.
    row_title
        What the rows are: models or functions.
    column_title
        What the columns are; empty if there is only one.
    columns
        The sequence lengths, ascending; for functions, which have none, what the value is.
    blocks
        One block per batch size, ascending.
    """

    title: str
    row_title: str
    column_title: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def cells(self) -> Iterator[TableCell]:
        """Every cell that shows a case."""
        return (cell for block in self.blocks for _, cells in block.rows for cell in cells if cell is not None)

    @property
    def has_spread(self) -> bool:
        """Whether a value is shown with its spread."""
        return any(cell.spread for cell in self.cells)


def make_tables(results: ResultSet) -> list[Table]:
    """Make the tables of the requested metrics, task by task."""
    tables = []
    for task in results.tasks:
        rows = {
            (row.label, row.case.batch_size, row.case.sequence_length): row
            for row in results.rows
            if row.case.task == task
        }
        tables += [_table(metric, task, rows) for metric in results.headlines(task)]
    return tables


def make_legend(tables: Iterable[Table]) -> list[tuple[str, str]]:
    """Return each mark that occurs, and its meaning."""
    cells = [cell for table in tables for cell in table.cells]
    return [entry for name, entry in _LEGEND.items() if any(getattr(cell, name) for cell in cells)]


def list_failures(results: ResultSet) -> list[tuple[str, str]]:
    """Return each case that lacks a metric for a known reason, and the reason."""
    return [
        (printable(str(row)), printable_lines(f"{row.measurement.status}: {row.measurement.failure}"))
        for row in results.rows
        if not row.measurement.succeeded or row.measurement.failure is not None
    ]


def _table(metric: Metric, task: str, rows: Mapping[Key, Row]) -> Table:
    values = {key: metric.of(row.case, row.measurement) for key, row in rows.items()}
    values = {key: value for key, value in values.items() if value == value}
    scale, unit = time_unit(values.values()) if metric.unit == "s" else (1.0, metric.unit)
    best = _best(metric, rows, values)
    cells = {key: _cell(metric, rows[key], value / scale, is_best=key in best) for key, value in values.items()}
    batch_sizes, lengths = _ascending(key[1] for key in rows), _ascending(key[2] for key in rows)
    labels: dict[Size, dict[str, None]] = {size: {} for size in batch_sizes}
    for label, size, _ in rows:
        labels[size][label] = None
    blocks = tuple(
        Block(size, tuple(_row(label, [(label, size, length) for length in lengths], rows, cells) for label in of_size))
        for size, of_size in labels.items()
    )
    has_sizes = TASKS[task].has_sizes
    only = batch_sizes[0] if len(batch_sizes) == 1 else None
    return Table(
        title=f"{metric.title} ({unit}), {task}" + ("" if only is None else f", batch size {only}"),
        row_title="Model" if has_sizes else task.capitalize(),
        column_title="Sequence length" if has_sizes else "",
        columns=tuple(map(str, lengths))
        if has_sizes
        else ("median" if metric.interval else "peak" if unit == "MB" else "value",),
        blocks=blocks,
    )


def _cell(metric: Metric, row: Row, value: float, *, is_best: bool) -> TableCell:
    """Make the cell of a value, in the unit of the table."""
    if metric.unit == "MB":
        hint = _hint(_memory_parts(row.measurement), row)
        return TableCell(f"{round(value):,}", _range_of_rounds(metric, row), hint, best=is_best)
    timing = row.measurement.timing if metric.group == SPEED else None
    text, spread, parts = format_number(value), "", []
    low, high = metric.interval_of(row.case, row.measurement)
    if low == low:
        spread = format_share(half_width(metric, row))
        parts.append(f"95 % interval {metric.text(low)} to {metric.text(high)}")
    if timing is not None:
        count, rounds = len(timing.samples_s), len(timing.round_sizes)
        parts.append(f"{count} sample{'s' if count > 1 else ''}" + (f" in {rounds} rounds" if rounds > 1 else ""))
        if count == 1 and "." in text:
            text = text.rstrip("0").rstrip(".")  # 0.006 s, as published, has one digit
    return TableCell(
        text,
        spread,
        _hint(parts, row),
        noisy=timing is not None and timing.noisy,
        best=is_best,
        unknown=half_width(metric, row) > UNKNOWN_SHARE,
    )


def half_width(metric: Metric, row: Row) -> float:
    """Return half the width of the interval of a value as a share of the value; 0 where there is no interval."""
    low, high = metric.interval_of(row.case, row.measurement)
    amount = abs(metric.of(row.case, row.measurement))
    if math.isnan(low) or math.isnan(high):
        return 0.0
    return (high - low) / 2 / amount if amount else math.inf


def _range_of_rounds(metric: Metric, row: Row) -> str:
    """Return how far the rounds lie apart, as half their range; empty if readings of one case may differ by as much."""
    values = [*metric.by_round(row.case, row.measurement).values()]
    share = (max(values) - min(values)) / 2 / max(values) if values and max(values) > 0 else 0.0
    is_much = metric.resolution is None or share > metric.resolution(max(values, default=0.0))
    return format_share(share) if share and is_much else ""


def _memory_parts(measurement: Measurement) -> list[str]:
    memory = measurement.memory
    if memory is None:
        return []
    parts = {"baseline": memory.baseline_bytes, "weights": memory.weights_bytes, "working": memory.working_bytes}
    known = [f"{name} {format_memory(size / MEGABYTE)}" for name, size in parts.items() if size is not None]
    return [*known, memory.method]


def _hint(parts: Iterable[str], row: Row) -> str:
    return printable_lines("; ".join(part for part in (", ".join(parts), row.measurement.note) if part))


def _best(metric: Metric, rows: Mapping[Key, Row], values: Mapping[Key, float]) -> set[Key]:
    """Return the cells of each column that hold its best value, and what cannot be told from it.

    Parameters
    ----------
    metric
        The metric, which defines what is better.
    rows
        The case of each cell.
    values
        The value of each cell that has one, in any unit.
    """
    columns: dict[tuple[Size, Size], list[Key]] = {}
    for key in values:
        columns.setdefault(key[1:], []).append(key)
    best: set[Key] = set()
    for column in columns.values():
        first = (max if metric.higher_is_better else min)(column, key=values.__getitem__)
        if half_width(metric, rows[first]) > UNKNOWN_SHARE:
            continue
        alike = {key for key in column if key == first or not _is_apart(metric, rows[first], rows[key])}
        if len(alike) < len(column):
            best |= {key for key in alike if half_width(metric, rows[key]) <= UNKNOWN_SHARE}
    return best


def _is_apart(metric: Metric, best: Row, row: Row) -> bool:
    if metric.unit == "MB" and len({round(metric.of(each.case, each.measurement)) for each in (best, row)}) == 1:
        return False
    return told_apart(best, row, metric)


def _row(
    label: str, keys: Iterable[Key], rows: Mapping[Key, Row], cells: Mapping[Key, TableCell]
) -> tuple[str, tuple[TableCell | None, ...]]:
    return printable(label), tuple(cells.get(key) or _without_value(rows.get(key)) for key in keys)


def _without_value(row: Row | None) -> TableCell | None:
    if row is None:
        return None
    text = "N/A" if row.measurement.succeeded else row.measurement.status
    return TableCell(text, hint=printable_lines(str(row.measurement.failure or "")), failed=True)


def _ascending(sizes: Iterable[Size]) -> list[Size]:
    return sorted(set(sizes), key=lambda size: size or 0)
