"""The contents of the tables of results; `html_tables` and `markdown_tables` render them.

The best of a column are all values that cannot be told from the best one: by the rounds that both cases have in common
(see `hfbench_nb.analysis.ratios.told_apart`), or where there was one round by their intervals; memory that is shown as
the same number is alike.  If that is the whole column, or its only value, nothing is marked; and a value whose interval
is very wide is not known yet, and never the best.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hfbench_nb.display.summary_tables import summary_table
from hfbench_nb.display.table_parts import (
    NOISY_MARK,
    UNKNOWN_SHARE,
    Block,
    Key,
    Size,
    Table,
    TableCell,
    metric_cells,
    only_batch_size,
    without_value,
)
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.rendering.escaping import printable, printable_lines
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.result_set import ResultSet, Row

__all__ = ["NOISY_MARK", "Table", "TableCell", "list_failures", "make_legend", "make_tables"]

_LEGEND = {
    "spread": ("\N{PLUS-MINUS SIGN}", "half the 95 % confidence interval of the median"),
    "best": ("Bold", "the best of its column and batch size, and what cannot be told from it"),
    "best_of_sizes": ("Bold", "the best of the same sizes, and what cannot be told from it"),
    "noisy": (NOISY_MARK, "noisy: the interval stayed wider than asked for"),
    "unknown": ("?", f"not yet known: the interval is wider than ±{100 * UNKNOWN_SHARE:.0f} %"),
}


def make_tables(results: ResultSet) -> list[Table]:
    """Make the tables of the requested metrics, task by task."""
    tables = []
    for task in results.tasks:
        if TASKS[task].across:
            tables.append(summary_table(results, task))
            continue
        rows = {
            (row.label, row.case.batch_size, row.case.sequence_length): row
            for row in results.rows
            if row.case.task == task
        }
        tables += [_table(metric, task, rows) for metric in results.headlines(task)]
    return tables


def make_legend(tables: Iterable[Table]) -> list[tuple[str, str]]:
    """Return each mark that occurs, and its meaning."""
    marks = {name for table in tables for cell in table.cells for name in _marks(table, cell)}
    return [entry for name, entry in _LEGEND.items() if name in marks]


def _marks(table: Table, cell: TableCell) -> Iterable[str]:
    best = "best_of_sizes" if table.size_columns else "best"
    marks = {"spread": bool(cell.spread), best: cell.best, "noisy": cell.noisy, "unknown": cell.unknown}
    return (name for name, is_there in marks.items() if is_there)


def list_failures(results: ResultSet) -> list[tuple[str, str]]:
    """Return each case that lacks a metric for a known reason, and the reason."""
    return [
        (printable(str(row)), printable_lines(f"{row.measurement.status}: {row.measurement.failure}"))
        for row in results.rows
        if not row.measurement.succeeded or row.measurement.failure is not None
    ]


def _table(metric: Metric, task: str, rows: Mapping[Key, Row]) -> Table:
    cells, unit = metric_cells(metric, rows)
    batch_sizes, lengths = _ascending(key[1] for key in rows), _ascending(key[2] for key in rows)
    labels: dict[Size, dict[str, None]] = {size: {} for size in batch_sizes}
    for label, size, _ in rows:
        labels[size][label] = None
    blocks = tuple(
        Block(size, tuple(_row(label, [(label, size, length) for length in lengths], rows, cells) for label in of_size))
        for size, of_size in labels.items()
    )
    has_sizes = TASKS[task].has_sizes
    return Table(
        title=f"{metric.title} ({unit}), {task}{only_batch_size(blocks)}",
        row_title="Model" if has_sizes else task.capitalize(),
        column_title="Sequence length" if has_sizes else "",
        columns=tuple(map(str, lengths))
        if has_sizes
        else ("median" if metric.interval else "peak" if unit == "MB" else "value",),
        blocks=blocks,
    )


def _row(
    label: str, keys: Iterable[Key], rows: Mapping[Key, Row], cells: Mapping[Key, TableCell]
) -> tuple[str, tuple[TableCell | None, ...]]:
    return printable(label), tuple(cells.get(key) or without_value(rows.get(key)) for key in keys)


def _ascending(sizes: Iterable[Size]) -> list[Size]:
    return sorted(set(sizes), key=lambda size: size or 0)
