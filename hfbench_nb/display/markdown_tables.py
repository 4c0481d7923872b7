"""Results as tables in GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hfbench_nb.analysis.speedups import Baseline
from hfbench_nb.display.llama_bench import to_llama_bench
from hfbench_nb.display.tables import NOISY_MARK, Table, TableCell, list_failures, make_legend, make_tables
from hfbench_nb.rendering.escaping import for_stdout, markdown_code
from hfbench_nb.rendering.suggestions import no_such
from hfbench_nb.results.environment import Environment
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.results.setup import describe_setup

STYLES = ("tables", "llama-bench")


def to_markdown(
    results: ResultSet,
    values: str | Sequence[str] | None = None,
    *,
    baseline: Baseline | None = None,
    environment: bool = False,
    style: str = "tables",
) -> str:
    """Return the results as tables in GitHub's Markdown, to be pasted into an issue or a README.

    Names, reasons and facts are in code spans, so that nothing in them becomes markup, a link or a mention.  Where
    standard output cannot show a sign, such as ± in ASCII, it is spelt out, so that the tables can be printed.

    Parameters
    ----------
    results
        What to show; the results themselves when called as a method.
    values
        Names of the metrics, as in ``["time_s", "tokens_per_s"]``; by default those that were requested.
    baseline
        A model or a label, or settings, as in ``{"dtype": "float32"}``: further tables have how many times faster than
        it the others are.
    environment
        Whether to add the environment, folded.
    style
        ``tables``, or ``llama-bench`` for the cases of generation as llama-bench prints its results.

    Raises
    ------
    ArgumentError
        If there is no such style, or nothing to show in it; there is no such metric, or nothing is the baseline.
    """
    if style not in STYLES:
        raise no_such("style", style, STYLES)
    is_ours = style != "llama-bench"
    parts = [as_markdown(results, make_tables(results, values, baseline)) if is_ours else to_llama_bench(results)]
    if environment and results.environment:
        parts.append(_facts(results.environment))
    return for_stdout("\n\n".join(filter(None, parts)))


def as_markdown(results: ResultSet, tables: Sequence[Table]) -> str:
    """Return tables of results, with what they were measured, their legend, and the cases that failed."""
    parts = [_table(table) for table in tables]
    if tables and (setup := describe_setup(results)):
        parts.append(f"Measured with {markdown_code(setup)}")
    if legend := make_legend(tables):
        parts.append("  \n".join(f"{_emphasize(mark)}: {meaning}" for mark, meaning in legend))
    if failures := list_failures(results):
        lines = [f"- {markdown_code(case)}: {markdown_code(reason)}" for case, reason in failures]
        parts.append("\n".join(["Cases without a metric:", "", *lines]))
    return "\n\n".join(parts)


def _table(table: Table) -> str:
    with_batch_size = len(table.blocks) > 1
    heads = [*(["Batch size"] if with_batch_size else []), table.row_title]
    heads += [f"{table.column_title} {column}".strip() if i == 0 else column for i, column in enumerate(table.columns)]
    marks = [*(["---:"] if with_batch_size else []), ":---", *("---:" for _ in table.columns)]
    rows = [
        [*([str(block.batch_size)] if with_batch_size else []), markdown_code(name), *map(_cell, cells)]
        for block in table.blocks
        for name, cells in block.rows
    ]
    return "\n".join([f"**{table.title}**", "", *table_lines(heads, marks, rows)])


def table_lines(heads: Sequence[str], marks: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table: its heads, how each column is aligned (as in ``---:``), and its rows."""
    return [_line(*heads), f"|{'|'.join(marks)}|", *(_line(*row) for row in rows)]


def _cell(cell: TableCell | None) -> str:
    if cell is None:
        return ""
    if cell.failed:
        return f"*{cell.text}*"
    value = f"**{cell.text}**" if cell.best else cell.text
    marks = (NOISY_MARK if cell.noisy else "", "?" if cell.unknown else "")
    return " ".join(part for part in (*marks, value, cell.spread) if part)


def _emphasize(mark: str) -> str:
    return f"**{mark}**" if mark.replace(" ", "").isalpha() else mark


def _facts(facts: Environment) -> str:
    lines = [_line(markdown_code(name), markdown_code(value)) for name, value in facts.texts()]
    table = [_line("Fact", "Value"), "|:---|:---|", *lines]
    return "\n".join(["<details><summary>Environment</summary>", "", *table, "", "</details>"])


def _line(*texts: str) -> str:
    return f"| {' | '.join(texts)} |"
