"""The tables of a run for notebooks: escaped HTML, the same for the same results, without scripts or style sheets.

What a style expresses is also expressed by the markup, since GitHub removes all styles.
"""

from __future__ import annotations

from hfbench_nb.analysis.largest import ARGUMENT, Hunt
from hfbench_nb.display.largest import Largest
from hfbench_nb.display.tables import NOISY_MARK, list_failures, make_legend, make_tables
from hfbench_nb.rendering.html import render
from hfbench_nb.results.result_set import ResultSet


def results_to_html(results: ResultSet) -> str:
    """Return the tables of a run with a legend and, folded, the reasons of failed cases and the environment.

    The answer of a search for the largest size stands first.
    """
    tables = make_tables(results)
    searched = results.entries and results.arguments.get(ARGUMENT)
    answer = Largest(results, Hunt.of(results.arguments))._repr_html_() if searched else ""
    return answer + render(
        "results.html.j2",
        tables=tables,
        legend=make_legend(tables),
        noisy_mark=NOISY_MARK,
        failures=list_failures(results),
        environment=[(*fact, "") for fact in results.environment.texts()],
    )
