"""Tables of results for notebooks and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from hfbench_nb.records import MEGABYTE, Measurement
from hfbench_nb.stats import relative_half_width
from hfbench_nb.units import format_memory, format_share, format_time

if TYPE_CHECKING:
    import jinja2

    from hfbench_nb.memory_summary import Memory, MemoryState, MemorySummary
    from hfbench_nb.results import BenchmarkResults

# A notebook should stay small: the DataFrame of a summary has every step.
_TOP_LINES = 12
_STEPS_SHOWN = 200

_TITLES = {"speed": "Time", "memory": "Peak memory"}


@dataclass(frozen=True)
class TableCell:
    """What a table shows of one cell: the figure, its spread, and what is said on hover."""

    text: str
    spread: str = ""
    hint: str = ""
    failed: bool = False
    noisy: bool = False


@dataclass(frozen=True)
class Table:
    """One figure of one task: models and batch sizes down, sequence lengths across."""

    title: str
    lengths: tuple[int, ...]
    rows: tuple[tuple[str, int, tuple[TableCell | None, ...]], ...]


def make_tables(results: BenchmarkResults) -> Iterator[Table]:
    """Give the tables of the figures that were measured."""
    labelled = [(label, *entry) for label, entry in zip(results.labels, results.entries, strict=True)]
    found = {(c.task, label, c.batch_size, c.sequence_length): m for label, c, m in labelled}
    lengths = tuple(dict.fromkeys(cell.sequence_length for cell, _ in results.entries))
    for task in results.tasks:
        rows = dict.fromkeys((label, c.batch_size) for label, c, _ in labelled if c.task == task)
        for figure, title in _TITLES.items():
            if results.asked_for(figure):
                cells = (
                    tuple(_table_cell(found.get((task, label, batch_size, length)), figure) for length in lengths)
                    for label, batch_size in rows
                )
                yield Table(
                    f"{title}, {task}",
                    lengths,
                    tuple((*row, of_row) for row, of_row in zip(rows, cells, strict=True)),
                )


def _table_cell(measurement: Measurement | None, figure: str) -> TableCell | None:
    if measurement is None:
        return None
    timing, memory = measurement.timing, measurement.memory
    note = str(measurement.details.get("note", ""))
    if figure == "speed" and timing is not None:
        low_s, high_s = timing.interval_s
        spread = f"95 % interval {format_time(low_s)} to {format_time(high_s)}, {len(timing.samples_s)} samples"
        share = relative_half_width(timing.samples_s) if len(timing.samples_s) > 1 else float("nan")
        hint = _hint(spread, note)
        return TableCell(format_time(timing.median_s), format_share(share), hint, noisy=timing.noisy)
    if figure == "memory" and memory is not None:
        parts = {"baseline": memory.baseline_bytes, "weights": memory.weights_bytes, "working": memory.working_bytes}
        known = [f"{name} {format_memory(size / MEGABYTE)}" for name, size in parts.items() if size is not None]
        hint = _hint(", ".join([*known, memory.method]), note)
        return TableCell(format_memory(memory.peak_bytes / MEGABYTE), hint=hint)
    text = "N/A" if measurement.status == "ok" else measurement.status
    return TableCell(text, hint=str(measurement.failure or ""), failed=True)


def _hint(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def to_html(results: BenchmarkResults) -> str:
    """Give the results as HTML: escaped, the same for the same results, without scripts or style sheets."""
    return _template("results.html.j2").render(tables=list(make_tables(results)), environment=results.environment)


def summary_to_html(summary: MemorySummary) -> str:
    """Give a line-by-line summary as HTML: like `to_html`, with a link to each line's file."""
    changing = [state for state in summary.sequential if state.cpu_gpu.bytes]
    return _template("summary.html.j2").render(
        total=_megabytes(summary.total),
        steps=len(summary.sequential),
        places=len(summary.cumulative),
        has_gpu=any(state.gpu.bytes for state in summary.sequential),
        top=[_line_row(state) for state in summary.cumulative[:_TOP_LINES]],
        changing=[_line_row(state) for state in changing[:_STEPS_SHOWN]],
        changing_count=len(changing),
    )


def _line_row(state: MemoryState) -> dict[str, str]:
    """Give what the table shows of a step; only what the path alone tells decides about the link."""
    frame = state.frame
    path = PureWindowsPath(frame.filename) if frame.filename[1:2] == ":" else PurePosixPath(frame.filename)
    return {
        "file": frame.filename,
        "place": f"{path.name}:{frame.line_number}",
        "link": f"{path.as_uri()}#L{frame.line_number}" if path.is_absolute() else "",
        "text": frame.line_text.strip(),
        **{name: _megabytes(getattr(state, name)) for name in ("cpu", "gpu", "cpu_gpu")},
    }


def _megabytes(amount: Memory) -> str:
    return f"{amount.bytes / MEGABYTE:,.1f}"


@cache
def _template(name: str) -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hfbench_nb"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def to_markdown(results: BenchmarkResults) -> str:
    """Give the results as tables in GitHub's Markdown."""
    parts = []
    for table in make_tables(results):
        lines = [f"**{table.title}**", "", _markdown_row("Model", "Batch size", *table.lengths)]
        lines.append("|:---|---:|" + len(table.lengths) * "---:|")
        for model, batch_size, cells in table.rows:
            texts = ["" if cell is None else f"{cell.text} {cell.spread}".rstrip() for cell in cells]
            lines.append(_markdown_row(model, batch_size, *texts))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _markdown_row(*values: Any) -> str:
    return "| " + " | ".join(_markdown_text(str(value)) for value in values) + " |"


def _markdown_text(text: str) -> str:
    """Escape what Markdown or the HTML inside it would take for markup."""
    for mark in ("\\", "|", "*", "_", "`", "[", "]"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").split())
