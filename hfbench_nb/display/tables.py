"""What the tables of results hold; `html_tables` and `markdown_tables` draw them.

The best of a column is every figure that cannot be told from the smallest one: for times, those whose 95 % interval
overlaps that of the smallest (a cautious test, as many rows may be compared at once); for memory, those that read the
same.  Where that is the whole column, or its only figure, nothing is marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from hfbench_nb.protocol.records import MEGABYTE, Measurement
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.rendering.escaping import printable, printable_lines
from hfbench_nb.rendering.units import format_memory, format_number, format_share, format_time, time_unit

if TYPE_CHECKING:
    from hfbench_nb.facade.benchmark_results import BenchmarkResults

NOISY_MARK = "\N{WARNING SIGN}\N{VARIATION SELECTOR-15}"  # as text, not as a coloured picture
_LEGEND = {
    "spread": ("\N{PLUS-MINUS SIGN}", "half the 95 % confidence interval of the median"),
    "best": ("Bold", "the smallest of its column and batch size, and what cannot be told from it"),
    "noisy": (NOISY_MARK, "noisy: the interval stayed wider than asked for"),
}

Size: TypeAlias = int | None
Key: TypeAlias = tuple[str, Size, Size]


@dataclass(frozen=True)
class TableCell:
    """What a table shows of one cell: the figure, its spread, how it is marked, and what is said on hover."""

    text: str
    spread: str = ""
    hint: str = ""
    failed: bool = False
    noisy: bool = False
    best: bool = False


@dataclass(frozen=True)
class Block:
    """The rows of one batch size: a model each, with a cell (or None) for each column."""

    batch_size: Size
    rows: tuple[tuple[str, tuple[TableCell | None, ...]], ...]


@dataclass(frozen=True)
class Table:
    """One figure of one task, all in one unit.

    Attributes
    ----------
    title
        The figure with its unit, the task, and the batch size if there is but one.
    row_title
        What the rows are: models or functions.
    column_title
        What the columns are; empty where there is but one, which speaks for itself.
    columns
        The sequence lengths, ascending; of functions, which have none, the name of the figure.
    blocks
        A block a batch size, ascending.
    """

    title: str
    row_title: str
    column_title: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def cells(self) -> Iterator[TableCell]:
        """Every cell that was measured."""
        return (cell for block in self.blocks for _, cells in block.rows for cell in cells if cell is not None)

    @property
    def has_spread(self) -> bool:
        """Whether a figure has its spread beside it."""
        return any(cell.spread for cell in self.cells)


def make_tables(results: BenchmarkResults) -> list[Table]:
    """Give the tables of the figures that were asked for, task by task."""
    tables = []
    for task in results.tasks:
        found = {
            (label, cell.batch_size, cell.sequence_length): measurement
            for label, (cell, measurement) in zip(results.labels, results.entries, strict=True)
            if cell.task == task
        }
        if results.asked_for("speed"):
            tables.append(_time_table(task, found))
        if results.asked_for("memory"):
            tables.append(_memory_table(task, found))
    return tables


def make_legend(tables: Iterable[Table]) -> list[tuple[str, str]]:
    """Explain the marks that occur: each mark and what it says."""
    cells = [cell for table in tables for cell in table.cells]
    return [entry for name, entry in _LEGEND.items() if any(getattr(cell, name) for cell in cells)]


def list_failures(results: BenchmarkResults) -> list[tuple[str, str]]:
    """Give each cell that lacks a figure for a reason, and the reason."""
    return [
        (printable(str(replace(cell, model=label))), printable_lines(f"{measurement.status}: {measurement.failure}"))
        for label, (cell, measurement) in zip(results.labels, results.entries, strict=True)
        if measurement.status != "ok" or measurement.failure is not None
    ]


def fact_text(value: Any) -> str:
    """Give a fact of the environment as text: of several runs each value, of a dictionary each entry."""
    if isinstance(value, list | tuple):
        return " | ".join(map(fact_text, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{fact_text(name)}: {fact_text(of_name)}" for name, of_name in value.items())
    return printable(str(value))


def _time_table(task: str, found: Mapping[Key, Measurement]) -> Table:
    timings = {key: measurement.timing for key, measurement in found.items() if measurement.timing is not None}
    unit_s, unit = time_unit(timing.median_s for timing in timings.values())
    best = _best({key: (timing.median_s, *_interval(timing)) for key, timing in timings.items()})
    cells = {}
    for key, timing in timings.items():
        count = len(timing.samples_s)
        spread, parts = "", [f"{count} sample{'s' if count > 1 else ''}"]
        if count > 1:
            low_s, high_s = timing.interval_s
            spread = format_share(timing.relative_half_width)
            parts.insert(0, f"95 % interval {format_time(low_s)} to {format_time(high_s)}")
        text, hint = format_number(timing.median_s / unit_s), _hint(parts, found[key])
        if count == 1 and "." in text:
            text = text.rstrip("0").rstrip(".")  # 0.006 s, as published, has one digit
        cells[key] = TableCell(text, spread, hint, noisy=timing.noisy, best=key in best)
    return _table(f"Time ({unit})", "median", task, found, cells)


def _memory_table(task: str, found: Mapping[Key, Measurement]) -> Table:
    memories = {key: measurement.memory for key, measurement in found.items() if measurement.memory is not None}
    shown_mb = {key: round(memory.peak_bytes / MEGABYTE) for key, memory in memories.items()}
    best = _best({key: (peak_mb, peak_mb, peak_mb) for key, peak_mb in shown_mb.items()})
    cells = {}
    for key, memory in memories.items():
        parts = {"baseline": memory.baseline_bytes, "weights": memory.weights_bytes, "working": memory.working_bytes}
        known = [f"{name} {format_memory(size / MEGABYTE)}" for name, size in parts.items() if size is not None]
        hint = _hint([*known, memory.method], found[key])
        cells[key] = TableCell(f"{shown_mb[key]:,}", hint=hint, best=key in best)
    return _table("Peak memory (MB)", "peak", task, found, cells)


def _hint(parts: Iterable[str], measurement: Measurement) -> str:
    note = str(measurement.details.get("note", ""))
    return printable_lines("; ".join(part for part in (", ".join(parts), note) if part))


def _interval(timing: Timing) -> tuple[float, float]:
    """Give the interval that tells a time from others; of a single sample, the sample."""
    return timing.interval_s if len(timing.samples_s) > 1 else (timing.median_s, timing.median_s)


def _best(figures: Mapping[Key, tuple[float, float, float]]) -> set[Key]:
    """Name the cells whose interval reaches down to that of the smallest of their column.

    Parameters
    ----------
    figures
        Each figure and the ends of its interval, in any unit.
    """
    columns: dict[tuple[Size, Size], dict[Key, tuple[float, float, float]]] = {}
    for key, figure in figures.items():
        columns.setdefault(key[1:], {})[key] = figure
    best: set[Key] = set()
    for column in columns.values():
        _, _, reach = min(column.values())
        marked = {key for key, (_, low, _) in column.items() if low <= reach}
        if len(marked) < len(column):
            best |= marked
    return best


def _table(
    figure: str, column: str, task: str, found: Mapping[Key, Measurement], cells: Mapping[Key, TableCell]
) -> Table:
    batch_sizes, lengths = _ascending(key[1] for key in found), _ascending(key[2] for key in found)
    labels: dict[Size, dict[str, None]] = {size: {} for size in batch_sizes}
    for label, size, _ in found:
        labels[size][label] = None
    blocks = tuple(
        Block(
            size, tuple(_row(label, [(label, size, length) for length in lengths], found, cells) for label in of_size)
        )
        for size, of_size in labels.items()
    )
    is_function = lengths == [None]
    only = batch_sizes[0] if len(batch_sizes) == 1 else None
    return Table(
        title=f"{figure}, {task}" + ("" if only is None else f", batch size {only}"),
        row_title="Function" if is_function else "Model",
        column_title="" if is_function else "Sequence length",
        columns=(column,) if is_function else tuple(map(str, lengths)),
        blocks=blocks,
    )


def _row(
    label: str, keys: Iterable[Key], found: Mapping[Key, Measurement], cells: Mapping[Key, TableCell]
) -> tuple[str, tuple[TableCell | None, ...]]:
    return printable(label), tuple(cells.get(key) or _without_figure(found.get(key)) for key in keys)


def _without_figure(measurement: Measurement | None) -> TableCell | None:
    if measurement is None:
        return None
    text = "N/A" if measurement.status == "ok" else measurement.status
    return TableCell(text, hint=printable_lines(str(measurement.failure or "")), failed=True)


def _ascending(sizes: Iterable[Size]) -> list[Size]:
    return sorted(set(sizes), key=lambda size: size or 0)
