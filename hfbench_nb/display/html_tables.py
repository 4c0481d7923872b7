"""Tables for notebooks: escaped HTML, the same for the same object, without scripts or style sheets.

What is said by a style is said by the markup as well: GitHub strips every style.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from hfbench_nb.arguments.fields import differing
from hfbench_nb.display.tables import NOISY_MARK, fact_text, list_failures, make_legend, make_tables
from hfbench_nb.protocol.records import MEGABYTE
from hfbench_nb.rendering.html import render

if TYPE_CHECKING:
    from hfbench_nb.arguments.benchmark import BenchmarkArguments
    from hfbench_nb.display.memory_summary import Memory, MemoryState, MemorySummary
    from hfbench_nb.facade.benchmark_results import BenchmarkResults

# A notebook should stay small: the DataFrame of a summary has every step.
_TOP_LINES = 12
_STEPS_SHOWN = 200


def results_to_html(results: BenchmarkResults) -> str:
    """Give the tables of a run, with what its marks mean, why cells failed, and the environment, both folded away."""
    tables = make_tables(results)
    return render(
        "results.html.j2",
        tables=tables,
        legend=make_legend(tables),
        noisy_mark=NOISY_MARK,
        failures=list_failures(results),
        environment=_facts(results.environment),
    )


def facts_to_html(facts: Mapping[str, Any]) -> str:
    """Give the facts of an environment as a table."""
    return render("facts.html.j2", title="Environment", facts=_facts(facts))


def arguments_to_html(arguments: BenchmarkArguments) -> str:
    """Give arguments as a table: what was given first, the defaults folded away, each with its help on hover."""
    given = differing(arguments)
    rows = [(field.name, repr(getattr(arguments, field.name)), field.metadata["help"]) for field in fields(arguments)]
    return render(
        "arguments.html.j2",
        title=type(arguments).__name__,
        given=[row for row in rows if row[0] in given],
        defaults=[row for row in rows if row[0] not in given],
    )


def _facts(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(fact_text(name), fact_text(value), "") for name, value in facts.items()]


def summary_to_html(summary: MemorySummary) -> str:
    """Give a line-by-line summary as HTML: like `to_html`, with a link to each line's file."""
    changing = [state for state in summary.sequential if state.cpu_gpu.bytes]
    return render(
        "summary.html.j2",
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
