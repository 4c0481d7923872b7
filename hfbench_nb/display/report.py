"""The original's text report: the same sections, rules, headings and widths."""

from __future__ import annotations

from hfbench_nb.display.memory_summary import last_summary
from hfbench_nb.display.profiles import Profiles
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.rendering.escaping import printable, printable_lines
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.nested import nest
from hfbench_nb.results.result_set import ResultSet, Row
from hfbench_nb.storage.report_reader import INDENT

# Spelt as in the original, so that a search for this line of its reports works here too.
_LINES_TITLE = "MEMOMRY - LINE BY LINE - SUMMARY"
_RULE_WIDTH = 80
_MODEL_WIDTH = 30
_WIDTH = 15


def make_report(results: ResultSet, *, environment: bool) -> str:
    """Return the report of `results`; with `environment`, followed by the list of its facts.

    Failed cases read ``N/A`` as in the original; the reason is given below the table. Unprintable characters in a name
    or a message are shown as escapes, so that they cannot break the table or the terminal.
    """
    lines: list[str] = []
    for task in results.tasks:
        for metric in results.headlines(task):
            word = metric.short if metric.task else metric.group or metric.stem
            lines += ["", _heading(TASKS[task].report_heading(word.upper())), *_table(results, task, metric)]
        if results.arguments.get("trace_memory_line_by_line", False) and TASKS[task].has_sizes:
            lines += ["", _heading(f"{TASKS[task].report_word} - {_LINES_TITLE}"), *_line_by_line(results, task)]
    if any(measurement.profile or measurement.profile_failure for _, measurement in results.entries):
        lines += ["", _heading("WHERE THE TIME GOES"), str(Profiles(results))]
    if environment:
        lines += ["", _heading("ENVIRONMENT INFORMATION")]
        lines += [results.environment.all_lines()] if results.environment else []
        lines += [""]
    return "\n".join(lines)


def _heading(title: str) -> str:
    return 20 * "=" + title.center(40) + 20 * "="


def _table(results: ResultSet, task: str, metric: Metric) -> list[str]:
    nested = {printable(label): of_label for label, of_label in nest(results, task, metric).items()}
    # A name that is too long for the original's column widens it: truncated names could not be distinguished.
    long_names = [len(model) + 2 for model in nested if len(model) > _MODEL_WIDTH]
    model_width = max([_MODEL_WIDTH, *long_names])
    rule = (_RULE_WIDTH + model_width - _MODEL_WIDTH) * "-"
    heading = "Model Name".center(model_width) + "Batch Size".center(_WIDTH) + "Seq Length".center(_WIDTH)
    title = metric.short if metric.task else metric.stem.capitalize()
    lines = [rule, heading + f"{title} in {metric.unit}".center(_WIDTH), rule]
    for model, of_model in nested.items():
        for batch_size, by_length in of_model["result"].items():
            for length, value in by_length.items():
                sizes = ["-" if size is None else str(size) for size in (batch_size, length)]
                start = model.center(model_width) + sizes[0].center(_WIDTH)
                lines.append(f"{start} {sizes[1].center(_WIDTH)} {_value(value, metric).center(_WIDTH)}")
    rows = [row for row in results.rows if row.case.task == task]
    reasons = [
        _item(f"N/A: {printable(str(row))}: {row.measurement.status}: {row.measurement.failure}")
        for row in rows
        if not row.measurement.succeeded or _lacks(row, metric)
    ]
    return [*lines, rule, *reasons, *_notes(rows)]


def _item(text: str) -> str:
    """Indent all lines but the first, so that a message of several lines is one item, also for `report_reader`."""
    return printable_lines(text).replace("\n", f"\n{INDENT}")


def _notes(rows: list[Row]) -> list[str]:
    """Return the worker's notes on the inputs, once for each model and note."""
    noted: dict[tuple[str, str], list[int | None]] = {}
    for row in rows:
        if row.measurement.succeeded and row.measurement.note:
            noted.setdefault((row.case.model, row.measurement.note), []).append(row.case.sequence_length)
    of_each = {model: sum(1 for other, _ in noted if other == model) for model, _ in noted}
    return [
        _item(f"Note: {printable(model)}{'' if of_each[model] == 1 else f', sequence length {lengths[0]}'}: {note}")
        for (model, note), lengths in noted.items()
    ]


def _lacks(row: Row, metric: Metric) -> bool:
    """Return whether a successful case lacks this metric for a known reason (see `report_reader`)."""
    value = metric.of(row.case, row.measurement)
    return value != value and row.measurement.failure is not None


def _line_by_line(results: ResultSet, task: str) -> list[str]:
    summary = last_summary(results, task)
    lines = ["N/A: no case could be traced"] if summary is None else [summary.report()]
    lines += [
        _item(f"N/A: {printable(str(row))}: {row.measurement.line_trace_failure}")
        for row in results.rows
        if row.case.task == task and row.measurement.line_trace_failure
    ]
    return lines


def _value(value: object, metric: Metric) -> str:
    if not isinstance(value, float):
        return str(value)
    if metric.task:  # unknown to the original, which rounds times to the millisecond
        return f"{value:.4g}"
    rounded = round(1000 * value) / 1000
    return "< 0.001" if rounded == 0.0 else str(rounded)
