"""One table of several metrics of a task, such as generation: a row per case, a column per metric."""

from __future__ import annotations

from collections.abc import Iterable

from hfbench_nb.arguments.sweep import known_axes
from hfbench_nb.display.table_parts import (
    Block,
    Key,
    Table,
    TableCell,
    metric_cells,
    only_batch_size,
    size_notes,
    without_value,
)
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.rendering.escaping import printable
from hfbench_nb.results.metrics import METRICS, Metric
from hfbench_nb.results.result_set import ResultSet, Row


def summary_table(results: ResultSet, task: str) -> Table:
    """Return the metrics of `Task.across` that were requested, beside the sizes of each case.

    Sizes of its own that a task has, such as the number of new tokens, are columns too, and not in the labels.
    """
    sizes = size_axes(results, task)
    rows: dict[Key, Row] = {
        (label, row.case.batch_size, row.case.sequence_length, *(row.case.settings.get(name) for name in sizes)): row
        for row, label in zip(results.rows, results.labels_without(sizes), strict=True)
        if row.case.task == task
    }
    metrics = [METRICS[name] for name in TASKS[task].across if _is_requested(METRICS[name], results)]
    columns = [metric_cells(metric, rows) for metric in metrics]
    titles = [f"{metric.short or metric.title} ({unit})" for metric, (_, unit) in zip(metrics, columns, strict=True)]
    axes = known_axes()
    blocks = tuple(
        Block(size, tuple(_row(key, row, [cells for cells, _ in columns]) for key, row in _of_batch(rows, size)))
        for size in sorted({key[1] for key in rows})
    )
    return Table(
        subject=task.capitalize(),
        title=f"{task.capitalize()}{only_batch_size(blocks)}",
        row_title="Model",
        column_title="",
        columns=("Sequence length", *(axes[name].title for name in sizes), *titles),
        blocks=blocks,
        size_columns=1 + len(sizes),
        row_notes=size_notes(rows.values()),
    )


def size_axes(results: ResultSet, task: str) -> list[str]:
    """Return the names of the axes that are sizes of the cases of a task, beside batch size and sequence length."""
    present = {name for case, _ in results.entries if case.task == task for name in case.settings}
    return [name for name, axis in known_axes().items() if axis.is_size and name in present]


def _is_requested(metric: Metric, results: ResultSet) -> bool:
    return not metric.group or results.asked_for(metric.group)


def _of_batch(rows: dict[Key, Row], size: object) -> Iterable[tuple[Key, Row]]:
    """Return the rows of a batch size: labels in the order measured, then by sizes."""
    order = {label: number for number, label in enumerate(dict.fromkeys(key[0] for key in rows))}
    of_batch = [(key, row) for key, row in rows.items() if key[1] == size]
    return sorted(of_batch, key=lambda item: (order[item[0][0]], *item[0][2:]))


def _row(key: Key, row: Row, columns: list[dict[Key, TableCell]]) -> tuple[str, tuple[TableCell | None, ...]]:
    sizes = [TableCell(f"{size:,}") for size in key[2:]]
    return printable(key[0]), (*sizes, *(cells.get(key) or without_value(row) for cells in columns))
