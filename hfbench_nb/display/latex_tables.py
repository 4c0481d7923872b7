"""Results as LaTeX tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hfbench_nb.analysis.speedups import Baseline
from hfbench_nb.display.tables import Table, TableCell, make_tables
from hfbench_nb.rendering.escaping import latex
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.results.setup import describe_setup


def to_latex(results: ResultSet, values: str | Sequence[str] | None = None, *, baseline: Baseline | None = None) -> str:
    r"""Return the tables for a LaTeX document, which needs ``\usepackage{booktabs}``.

    The best of a column, and what cannot be told from it, is bold; framework and device are in the caption.  The
    reasons of failed cases are in `to_markdown` and `to_html`.

    Parameters
    ----------
    results
        What to show; the results themselves when called as a method.
    values
        Names of the metrics, as in ``["time_s", "tokens_per_s"]``; by default those that were requested.
    baseline
        A model or a label, or settings, as in ``{"dtype": "float32"}``: further tables have how many times faster than
        it the others are.

    Raises
    ------
    ArgumentError
        If there is no such metric, it was not measured, or nothing is the baseline.

    Examples
    --------
    >>> from hfbench_nb import load_reference
    >>> print(load_reference("bert-configurations-pytorch").to_latex("memory_mb").splitlines()[5])
    Model & Sequence length 8 & 32 & 128 & 512 \\
    """
    setup = describe_setup(results)
    return "\n\n".join(_table(table, setup) for table in make_tables(results, values, baseline))


def _table(table: Table, setup: str) -> str:
    with_batch_size = len(table.blocks) > 1
    heads = [*(["Batch size"] if with_batch_size else []), table.row_title]
    heads += [f"{table.column_title} {column}".strip() if i == 0 else column for i, column in enumerate(table.columns)]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex(f'{table.title}; {setup}' if setup else table.title)}}}",
        rf"\begin{{tabular}}{{{'r' if with_batch_size else ''}l{'r' * len(table.columns)}}}",
        r"\toprule",
        _line(map(latex, heads)),
    ]
    for block in table.blocks:
        lines.append(r"\midrule")
        size = [latex(str(block.batch_size))] if with_batch_size else []
        lines += [_line([*size, latex(name), *map(_cell, cells)]) for name, cells in block.rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _cell(cell: TableCell | None) -> str:
    if cell is None:
        return ""
    if cell.failed:
        return rf"\emph{{{latex(cell.text)}}}"
    value = rf"\textbf{{{latex(cell.text)}}}" if cell.best else latex(cell.text)
    return " ".join(part for part in ("?" if cell.unknown else "", value, latex(cell.spread)) if part)


def _line(texts: Iterable[str]) -> str:
    return rf"{' & '.join(texts)} \\"
