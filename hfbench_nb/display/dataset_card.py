"""The card of results in a datasets repository of the Hugging Face hub: a README with tables, plots and tags."""

from __future__ import annotations

from collections.abc import Sequence

from hfbench_nb.display.markdown_tables import to_markdown
from hfbench_nb.rendering.escaping import markdown_code
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.results.setup import describe_setup

TAGS = ("benchmark", "hfbench_nb")


def make_card(results: ResultSet, name: str, plots: Sequence[tuple[str, str]]) -> str:
    """Return the text of the card.

    Parameters
    ----------
    results
        What it is about.
    name
        The repository, ``user/name``.
    plots
        Title and file name of each plot beside it.
    """
    # The metadata is YAML; a dataset viewer would read the journal, whose lines are of several kinds, as a table.
    lines = ["---", "tags:", *(f"- {tag}" for tag in TAGS), "viewer: false", "---"]
    models = ", ".join(markdown_code(model) for model in dict.fromkeys(case.model for case, _ in results.entries))
    parts = [
        "\n".join(lines),
        f"# {name.rpartition('/')[2]}",
        f"Benchmark results of {models}, measured by hfbench_nb. {markdown_code(describe_setup(results))}",
        f'```python\nfrom hfbench_nb import load_results\n\nload_results("hf://datasets/{name}")\n```',
        to_markdown(results, environment=True),
        *(f"![{title}]({file})" for title, file in plots),
    ]
    return "\n\n".join(parts) + "\n"
