"""The tables of a run for notebooks: escaped HTML, the same for the same results, without scripts or style sheets.

What a style expresses is also expressed by the markup, since GitHub removes all styles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from hfbench_nb.analysis.largest import ARGUMENT, Hunt
from hfbench_nb.analysis.speedups import Baseline
from hfbench_nb.display.largest import Largest
from hfbench_nb.display.markdown_tables import as_markdown
from hfbench_nb.display.profiles import Profiles
from hfbench_nb.display.tables import NOISY_MARK, Table, folded_tables, list_failures, make_legend, make_tables
from hfbench_nb.rendering.html import render, render_part
from hfbench_nb.rendering.units import counted
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.results.setup import describe_setup

if TYPE_CHECKING:
    from markupsafe import Markup

_PARTS = "result_parts.html.j2"


def to_html(results: ResultSet, values: str | Sequence[str] | None = None, *, baseline: Baseline | None = None) -> str:
    """Return the tables as HTML without scripts or style sheets, as a notebook shows them.

    Beside them: a legend and, folded, throughput, the reasons of failed cases, where the time goes, the environment,
    and the tables in Markdown to be copied.  What a search for the largest size has found stands first.

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
    """
    page = ResultsPage(results, values, baseline)
    return page.largest + render("results.html.j2", main=page.main, folds=[*page.folds])


@dataclass(frozen=True)
class FoldedPart:
    """What is shown below a heading once that is clicked.

    Attributes
    ----------
    name
        What it is called in code.
    title
        The heading.
    content
        HTML.
    is_open
        Whether it is open at first: where everything failed, the reasons are what there is to see.
    """

    name: str
    title: str
    content: Markup
    is_open: bool = False


class ResultsPage:
    """The parts of what a notebook shows of results.

    Parameters
    ----------
    results
        What to show.
    values, baseline
        As of `to_html`.
    """

    def __init__(
        self, results: ResultSet, values: str | Sequence[str] | None = None, baseline: Baseline | None = None
    ) -> None:
        self._results, self._is_whole = results, values is None
        self._tables = make_tables(results, values, baseline)

    @property
    def largest(self) -> str:
        """What a search for the largest size has found; empty if there was none."""
        arguments = self._results.arguments
        searched = self._is_whole and self._results.entries and arguments.get(ARGUMENT)
        return Largest(self._results, Hunt.of(arguments))._repr_html_() if searched else ""

    @property
    def main(self) -> Markup:
        """The tables and their legend."""
        legend = make_legend([*self._tables, *self._folded])
        return render_part(_PARTS, "main", describe_setup(self._results), self._tables, legend, NOISY_MARK)

    @property
    def folds(self) -> Iterator[FoldedPart]:
        """What is folded below the tables."""
        results = self._results
        if failures := list_failures(results):
            all_failed = not any(measurement.succeeded for _, measurement in results.entries)
            cases = f"{counted(len(failures), 'case')} without a value"
            title = f"{len(failures)} failed: why" if all_failed else f"{cases}: why"
            yield FoldedPart("failures", title, render_part(_PARTS, "reasons", failures), is_open=all_failed)
        if self._folded:
            title = _listed(dict.fromkeys(table.subject for table in self._folded)).capitalize()
            yield FoldedPart("folded", title, render_part(_PARTS, "folded", self._folded, NOISY_MARK))
        if self._is_whole and (profiles := Profiles(results).folded()):
            yield FoldedPart("profiles", "Where the time goes", render_part(_PARTS, "where_time_goes", profiles))
        if facts := [(*fact, "") for fact in results.environment.texts()]:
            yield FoldedPart("environment", "Environment", render_part(_PARTS, "environment", facts))
        if self._tables:
            text = as_markdown(results, self._tables)
            yield FoldedPart("copy", "Copy as Markdown", render_part(_PARTS, "text_to_copy", text))

    @cached_property
    def _folded(self) -> list[Table]:
        return folded_tables(self._results) if self._is_whole else []


def _listed(titles: Iterable[str]) -> str:
    """Return titles as in ``Compilation, throughput and time per token``."""
    *others, last = titles
    return f"{', '.join(others)} and {last}" if others else last
