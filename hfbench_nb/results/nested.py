"""The nested dictionaries of the original's results."""

from __future__ import annotations

from typing import Any, NamedTuple

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import MEGABYTE, Measurement
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.result_set import ResultSet

NOT_AVAILABLE = "N/A"
"""What the original's dictionaries, report and files contain for a missing metric."""


class Memory(NamedTuple):
    """An amount of memory; as text it is the number of whole MB (2^20 bytes), rounded as in tables."""

    bytes: int

    def __str__(self) -> str:
        return f"{self.bytes / MEGABYTE:.0f}"

    def __repr__(self) -> str:
        return str(self)


def nest(results: ResultSet, task: str, metric: Metric) -> dict[str, Any]:
    """Return one metric of one task as the original's nested dictionaries; ``"N/A"`` where a case has none.

    The keys are the labels of the rows: the names of the models, unless something else varies.

    Returns
    -------
    dict
        ``{label: {"bs": [batch size], "ss": [sequence length], "result": {batch size: {sequence length: value}}}}``.
    """
    # Functions, which have no sizes and which the original did not know, are kept apart from models.
    alike = [case for case, _ in results.entries if TASKS[case.task].has_sizes == TASKS[task].has_sizes]
    batch_sizes = list(dict.fromkeys(case.batch_size for case in alike))
    lengths = list(dict.fromkeys(case.sequence_length for case in alike))
    nested: dict[str, Any] = {
        label: {"bs": batch_sizes, "ss": lengths, "result": {size: {} for size in batch_sizes}}
        for label in results.labels
    }
    if not metric.group or results.asked_for(metric.group):
        for row in results.rows:
            if row.case.task == task:
                value = _classic_value(metric, row.case, row.measurement)
                nested[row.label]["result"][row.case.batch_size][row.case.sequence_length] = value
    return nested


def _classic_value(metric: Metric, case: Case, measurement: Measurement) -> float | Memory | str:
    value = metric.of(case, measurement)
    if value != value:
        return NOT_AVAILABLE
    return Memory(round(value * MEGABYTE)) if metric.unit == "MB" and not metric.task else value
