"""The tables of a run for notebooks: escaped HTML, the same for the same results, without scripts or style sheets.

What a style expresses is also expressed by the markup, since GitHub removes all styles.
"""

from __future__ import annotations

from hfbench_nb.display.tables import NOISY_MARK, list_failures, make_legend, make_tables
from hfbench_nb.rendering.html import render
from hfbench_nb.results.result_set import ResultSet


def results_to_html(results: ResultSet) -> str:
    """Return the tables of a run with a legend and, folded, the reasons of failed cases and the environment."""
    tables = make_tables(results)
    return render(
        "results.html.j2",
        tables=tables,
        legend=make_legend(tables),
        noisy_mark=NOISY_MARK,
        failures=list_failures(results),
        environment=[(*fact, "") for fact in results.environment.texts()],
    )
