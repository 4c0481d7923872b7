"""The original's text report: the same sections, rules, headings and widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench_nb.rendering.escaping import printable, printable_lines
from hfbench_nb.storage.report_reader import INDENT

if TYPE_CHECKING:
    from hfbench_nb.facade.benchmark_results import BenchmarkResults
    from hfbench_nb.protocol.records import Measurement

_TITLES = {
    ("inference", "speed"): "INFERENCE - SPEED - RESULT",
    ("inference", "memory"): "INFERENCE - MEMORY - RESULT",
    ("training", "speed"): "TRAIN - SPEED - RESULTS",
    ("training", "memory"): "TRAIN - MEMORY - RESULTS",
}
# Spelt as in the original: who searches its reports for this line finds it here too.
_LINES_TITLES = {
    "inference": "INFERENCE - MEMOMRY - LINE BY LINE - SUMMARY",
    "training": "TRAIN - MEMOMRY - LINE BY LINE - SUMMARY",
}
_FIGURE_HEADINGS = {"speed": "Time in s", "memory": "Memory in MB"}
_RULE_WIDTH = 80
_MODEL_WIDTH = 30
_WIDTH = 15


def make_report(results: BenchmarkResults, *, environment: bool) -> str:
    """Give the report of `results`; with `environment`, followed by the list of its facts.

    Failed cells read ``N/A`` as they always did; why is said below the table. What does not print, in a name or a
    message, is shown as its escape: a name cannot break the table, nor a message the terminal.
    """
    lines: list[str] = []
    for task in results.tasks:
        for figure in ("speed", "memory"):
            if results.asked_for(figure):
                lines += ["", _heading(_TITLES.get((task, figure), f"{task} - {figure} - RESULT".upper()))]
                lines += _table(results, task, figure)
        if results.arguments.get("trace_memory_line_by_line", False):
            lines += ["", _heading(_LINES_TITLES[task]), *_line_by_line(results, task)]
    if environment:
        lines += ["", _heading("ENVIRONMENT INFORMATION")]
        lines += [repr(results.environment)] if results.environment else []
        lines += [""]
    return "\n".join(lines)


def _heading(title: str) -> str:
    return 20 * "=" + title.center(40) + 20 * "="


def _table(results: BenchmarkResults, task: str, figure: str) -> list[str]:
    nested = {printable(label): of_label for label, of_label in results.nested(task, figure).items()}
    # A long name widens the table: a name that is cut cannot be told from another.
    model_width = max([_MODEL_WIDTH, *(len(model) + 2 for model in nested)])
    rule = (_RULE_WIDTH + model_width - _MODEL_WIDTH) * "-"
    heading = "Model Name".center(model_width) + "Batch Size".center(_WIDTH)
    lines = [rule, heading + "Seq Length".center(_WIDTH) + _FIGURE_HEADINGS[figure].center(_WIDTH), rule]
    for model, of_model in nested.items():
        for batch_size, by_length in of_model["result"].items():
            for length, value in by_length.items():
                sizes = ["-" if size is None else str(size) for size in (batch_size, length)]
                start = model.center(model_width) + sizes[0].center(_WIDTH)
                lines.append(f"{start} {sizes[1].center(_WIDTH)} {_value(value).center(_WIDTH)}")
    lines.append(rule)
    lines += [
        _item(f"N/A: {printable(str(cell))}: {measurement.status}: {measurement.failure}")
        for cell, measurement in results.entries
        if cell.task == task and (measurement.status != "ok" or _lacks(measurement, figure))
    ]
    return [*lines, *_notes(results, task)]


def _item(text: str) -> str:
    """Indent all lines but the first: a message of several stays one item, for the eye and for `report_reader`."""
    return printable_lines(text).replace("\n", f"\n{INDENT}")


def _notes(results: BenchmarkResults, task: str) -> list[str]:
    """Say, once for each model and note, what the measuring process has noted of a model's inputs."""
    noted: dict[tuple[str, str], list[int | None]] = {}
    for cell, measurement in results.entries:
        if cell.task == task and measurement.status == "ok" and measurement.details.get("note"):
            noted.setdefault((cell.model, measurement.details["note"]), []).append(cell.sequence_length)
    of_each = {model: sum(1 for other, _ in noted if other == model) for model, _ in noted}
    return [
        _item(f"Note: {printable(model)}{'' if of_each[model] == 1 else f', sequence length {lengths[0]}'}: {note}")
        for (model, note), lengths in noted.items()
    ]


def _lacks(measurement: Measurement, figure: str) -> bool:
    """Tell whether a cell that did not fail lacks this figure, and knows why (see `report_reader`)."""
    missing = measurement.timing is None if figure == "speed" else measurement.memory is None
    return missing and measurement.failure is not None


def _line_by_line(results: BenchmarkResults, task: str) -> list[str]:
    summary = results.inference_summary if task == "inference" else results.train_summary
    lines = ["N/A: no cell could be traced"] if summary is None else [summary.report()]
    lines += [
        _item(f"N/A: {printable(str(cell))}: {measurement.details['line_trace_failure']}")
        for cell, measurement in results.entries
        if cell.task == task and "line_trace_failure" in measurement.details
    ]
    return lines


def _value(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    rounded = round(1000 * value) / 1000
    return "< 0.001" if rounded == 0.0 else str(rounded)
