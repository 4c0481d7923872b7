"""Keeping results in a folder, and sharing them on the Hugging Face hub."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hfbench_nb.arguments import checks
from hfbench_nb.display.dataset_card import make_card
from hfbench_nb.display.plots import plot
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.results.metrics import METRICS
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.storage import hub, journal

_PLOTTED = ("time_s", "memory_mb")


def save(results: ResultSet, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write everything, including every raw sample, to ``results.jsonl`` in a folder; return its path.

    `load_results` reads it back.

    Parameters
    ----------
    results
        What to write; the results themselves when called as a method.
    folder
        Created if it does not exist.
    overwrite
        Whether results in the folder that are not part of these may be replaced.

    Raises
    ------
    ArgumentError
        If it is no path, the folder contains such results, or a run is writing to it.
    OSError
        If it cannot be written to.
    """
    rows = [(*entry, environment) for entry, environment in zip(results.entries, results.environments, strict=True)]
    first = [] if rows else [results.environment]
    target = checks.path("folder", folder)
    return journal.write(target, journal.number_environments(rows, first, results.arguments), overwrite=overwrite)


def push_to_hub(results: ResultSet, name: str, *, private: bool = False, message: str = "Add results") -> str:
    """Push the results to a datasets repository of the Hugging Face hub, which is made if there is none.

    It gets ``results.jsonl``, with every raw sample, and a README with tables, plots, the environment and tags.  Names
    and paths in the results are pushed, too: of models, and of this machine's interpreter.  `load_results` reads them
    back from ``hf://datasets/user/name``.

    Parameters
    ----------
    results
        What to push; the results themselves when called as a method.
    name
        The repository, ``user/name``.
    private
        Whether a repository that is made is private.
    message
        Describes what is pushed, in the history of the repository.

    Returns
    -------
    str
        The address of the repository.

    Raises
    ------
    ArgumentError
        If the name cannot be used, or there are no results.
    HubError
        If the hub cannot be reached, asks for a token, or refuses; nothing is lost.
    """
    hub.check_name(name)
    if not results.entries:
        raise ArgumentError("There is nothing to push: nothing was measured.")
    with tempfile.TemporaryDirectory(prefix="hfbench-") as made:
        folder = Path(made)
        save(results, folder)
        plots = [(METRICS[metric].title, file) for metric in _PLOTTED if (file := _draw(results, metric, folder))]
        (folder / "README.md").write_text(make_card(results, name, plots), encoding="utf-8")
        return hub.upload(folder, name, private=private, message=message)


def _draw(results: ResultSet, metric: str, folder: Path) -> str:
    """Draw a metric into a file of the folder and return its name; empty where there is nothing to draw."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    try:
        plot(results, metric, ax=figure.subplots())
    except ArgumentError:
        return ""
    figure.savefig(folder / f"{metric}.png", dpi=120)
    return f"{metric}.png"
