"""The contents of the tables of results; `html_tables` and `markdown_tables` render them.

The best of a column are all values that cannot be told from the best one: by the rounds that both cases have in common
(see `hfbench_nb.analysis.ratios.told_apart`), or where there was one round by their intervals; memory that is shown as
the same number is alike.  If that is the whole column, or its only value, nothing is marked; and a value whose interval
is very wide is not known yet, and never the best.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from hfbench_nb.analysis.speedups import Baseline, Speedups, baseline_name, speedups
from hfbench_nb.display.summary_tables import summary_table
from hfbench_nb.display.table_parts import (
    INTERVAL,
    NOISE,
    NOISY_MARK,
    SPREAD,
    TOO_NOISY,
    UNKNOWN_SHARE,
    USELESS_SHARE,
    Block,
    Key,
    Size,
    Table,
    TableCell,
    half_width_of,
    metric_cells,
    only_batch_size,
    size_notes,
    without_value,
)
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.rendering.escaping import printable, printable_lines
from hfbench_nb.rendering.units import format_ratio
from hfbench_nb.results.curve_frame import choose_metric
from hfbench_nb.results.metrics import METRICS, SPEED, Metric
from hfbench_nb.results.result_set import ResultSet, Row

__all__ = ["NOISY_MARK", "Table", "TableCell", "folded_tables", "list_failures", "make_legend", "make_tables"]

_LEGEND = {
    SPREAD: ("\N{PLUS-MINUS SIGN}", "half the 95 % confidence interval of the median"),
    INTERVAL: ("[ ]", "the ends of the 95 % confidence interval, in the unit of the table, where it is wide"),
    NOISE: (TOO_NOISY, "the interval is wider than twice the value; hover to see the range of the samples"),
    "best": ("Bold", "the best of its column and batch size, and what cannot be told from it"),
    "best_of_sizes": ("Bold", "the best of the same sizes, and what cannot be told from it"),
    "noisy": (NOISY_MARK, "noisy: the interval stayed wider than asked for"),
    "unknown": ("?", f"not yet known: the interval is wider than ±{100 * UNKNOWN_SHARE:.0f} %"),
}


def make_tables(
    results: ResultSet, values: str | Sequence[str] | None = None, baseline: Baseline | None = None
) -> list[Table]:
    """Make the tables of some metrics, task by task.

    Parameters
    ----------
    results
        What to show.
    values
        Names of the metrics; by default those that were requested and have tables of their own.
    baseline
        A model, a label or settings: further tables have how many times faster than it the others are.

    Raises
    ------
    ArgumentError
        If there is no such metric, it was not measured, or nothing is the baseline.
    """
    chosen = None if values is None else [choose_metric(results, name) for name in _listed(values)]
    faster = {} if baseline is None else speedups(results, baseline)
    tables = []
    for task in results.tasks:
        rows = {
            (row.label, row.case.batch_size, row.case.sequence_length): row
            for row in results.rows
            if row.case.task == task
        }
        if TASKS[task].across and chosen is None:
            tables.append(summary_table(results, task))
        else:
            metrics = results.headlines(task) if chosen is None else [each for each in chosen if each.is_of(task)]
            tables += [_table(metric, task, rows) for metric in metrics]
        if baseline is not None and any((row.label, row.case) in faster for row in rows.values()):
            tables.append(_speedup_table(task, rows, faster, baseline_name(baseline)))
    if chosen is not None and not any(not cell.failed for table in tables for cell in table.cells):
        raise ArgumentError(f"There is nothing to show: {' and '.join(_listed(values))} was not measured.", "values")
    return tables


def folded_tables(results: ResultSet) -> list[Table]:
    """Return the tables that a page shows folded: throughput and the like, of the tasks where it was measured."""
    names = [metric.name for metric in METRICS if metric.is_folded and results.is_measured(metric)]
    return make_tables(results, names) if names and results.asked_for(SPEED) else []


def _listed(values: str | Sequence[str] | None) -> list[str]:
    return [values] if isinstance(values, str) else list(values or ())


def make_legend(tables: Iterable[Table]) -> list[tuple[str, str]]:
    """Return each mark that occurs, and its meaning."""
    marks = {name for table in tables for cell in table.cells for name in _marks(table, cell)}
    return [entry for name, entry in _LEGEND.items() if name in marks]


def _marks(table: Table, cell: TableCell) -> Iterable[str]:
    best = "best_of_sizes" if table.size_columns else "best"
    marks = {
        cell.spread_kind: bool(cell.spread),
        best: cell.best,
        "noisy": cell.noisy,
        "unknown": cell.unknown,
    }
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
    return _by_length(
        metric.title, unit, "median" if metric.interval else "peak" if unit == "MB" else "value", task, rows, cells
    )


def _speedup_table(task: str, rows: Mapping[Key, Row], faster: Speedups, baseline: str) -> Table:
    """Return the table of how many times faster than the baseline each case is."""
    cells = {}
    for key, row in rows.items():
        estimate = faster.get((row.label, row.case))
        if estimate is not None:
            is_known = not math.isnan(estimate.low)
            interval = f"[{format_ratio(estimate.low)}, {format_ratio(estimate.high)}]" if is_known else ""
            hint = f"95 % interval {interval}" if is_known else ""
            noisy = half_width_of(estimate) > USELESS_SHARE
            spread, kind = (TOO_NOISY, NOISE) if noisy else (interval, INTERVAL if interval else "")
            cells[key] = TableCell(format_ratio(estimate.value), spread, hint, kind)
    return _by_length(f"Times faster than {printable(baseline)}", "", "times", task, rows, cells)


def _by_length(
    subject: str, unit: str, value: str, task: str, rows: Mapping[Key, Row], cells: Mapping[Key, TableCell]
) -> Table:
    """Return a table with a column per sequence length; of functions, with one that has the name of the value."""
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
        subject=subject,
        title=f"{subject}{f' ({unit})' if unit else ''}, {task}{only_batch_size(blocks)}",
        row_title="Model" if has_sizes else task.capitalize(),
        column_title="Sequence length" if has_sizes else "",
        columns=tuple(map(str, lengths)) if has_sizes else (value,),
        blocks=blocks,
        row_notes=size_notes(rows.values()),
    )


def _row(
    label: str, keys: Iterable[Key], rows: Mapping[Key, Row], cells: Mapping[Key, TableCell]
) -> tuple[str, tuple[TableCell | None, ...]]:
    return printable(label), tuple(cells.get(key) or without_value(rows.get(key)) for key in keys)


def _ascending(sizes: Iterable[Size]) -> list[Size]:
    return sorted(set(sizes), key=lambda size: size or 0)
