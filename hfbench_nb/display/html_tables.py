"""The tables of a run for notebooks: escaped HTML, the same for the same results, without scripts or style sheets.

What a style expresses is also expressed by the markup, since GitHub removes all styles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hfbench_nb.analysis.largest import ARGUMENT, Hunt
from hfbench_nb.analysis.speedups import Baseline
from hfbench_nb.display.largest import Largest
from hfbench_nb.display.markdown_tables import as_markdown
from hfbench_nb.display.profiles import Profiles
from hfbench_nb.display.tables import NOISY_MARK, folded_tables, list_failures, make_legend, make_tables
from hfbench_nb.rendering.html import render
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.results.setup import describe_setup


def to_html(results: ResultSet, values: str | Sequence[str] | None = None, *, baseline: Baseline | None = None) -> str:
    """Return the tables as HTML without scripts or style sheets, as a notebook shows them.

    Beside them: a legend and, folded, throughput, the reasons of failed cases, where the time goes, the environment,
    and the tables in Markdown to be copied.  The answer of a search for the largest size stands first.

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
    tables = make_tables(results, values, baseline)
    folded = folded_tables(results) if values is None else []
    failures = list_failures(results)
    searched = values is None and results.entries and results.arguments.get(ARGUMENT)
    answer = Largest(results, Hunt.of(results.arguments))._repr_html_() if searched else ""
    return answer + render(
        "results.html.j2",
        setup=describe_setup(results),
        tables=tables,
        folded=folded,
        folded_title=_listed(dict.fromkeys(table.title.partition(" (")[0] for table in folded)).capitalize(),
        legend=make_legend([*tables, *folded]),
        noisy_mark=NOISY_MARK,
        failures=failures,
        all_failed=bool(results.entries) and not any(measurement.succeeded for _, measurement in results.entries),
        environment=[(*fact, "") for fact in results.environment.texts()],
        profiles=Profiles(results).folded() if values is None else "",
        markdown=as_markdown(results, tables) if tables else "",
    )


def _listed(titles: Iterable[str]) -> str:
    """Return titles as in ``Compilation, throughput and time per token``."""
    *others, last = [*titles] or [""]
    return f"{', '.join(others)} and {last}" if others else last
