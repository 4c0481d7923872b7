"""The runs whose results are in the user's cache."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.facade.loading import load_results
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.escaping import printable
from hfbench_nb.rendering.keywords import refuse_unknown_keywords
from hfbench_nb.rendering.units import counted
from hfbench_nb.storage import journal
from hfbench_nb.storage.run_folders import kept_folders

if TYPE_CHECKING:
    import pandas as pd


@refuse_unknown_keywords
def runs() -> pd.DataFrame:
    """List the runs that were stored in the user's cache, the newest first.

    A run that is given no folder is stored there, until it is older than 30 days and not among the newest 100.

    Returns
    -------
    pandas.DataFrame
        One row per run: ``folder``, which `load_results` reads and ``run(resume=...)`` resumes; ``written``, the local
        time of its last case; ``framework``; ``models``, a text; the numbers of ``cases`` and of those that
        ``failed``.
    """
    from hfbench_nb.facade.run_frame import RunFrame

    columns = ["folder", "written", "framework", "models", "cases", "failed"]
    return RunFrame([_describe(*each) for each in _with_results()], columns=columns)


def describe_run(run: Mapping[Any, Any]) -> str:
    """Return a row of `runs` in words: when, which framework and models, how many cases."""
    failed = f", {run['failed']} failed" if run["failed"] else ""
    cases = f"{counted(run['cases'], 'case')}{failed}"
    return f"{run['written']:%Y-%m-%d %H:%M}  {run['framework']}  {printable(run['models'])}  {cases}"


@refuse_unknown_keywords
def last_results() -> BenchmarkResults:
    """Return the results of the newest run in the user's cache, finished or not.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    for folder, _ in _with_results():
        return load_results(folder)
    raise ArgumentError("There are no results: no run has stored any in the user's cache.")


def _with_results() -> Iterator[tuple[Path, journal.Contents]]:
    for folder in kept_folders():
        try:
            contents = journal.read(folder)
        except ArgumentError:  # just begun, or damaged
            continue
        if contents.entries:
            yield folder, contents


def _describe(folder: Path, contents: journal.Contents) -> tuple[str, datetime, str, str, int, int]:
    entries = journal.merged(contents.entries)
    frameworks, models = (
        ", ".join(dict.fromkeys(getattr(entry.case, name) for entry in entries)) for name in ("framework", "model")
    )
    written = datetime.fromtimestamp((folder / journal.FILE_NAME).stat().st_mtime)
    failed = sum(not entry.measurement.succeeded for entry in entries)
    return str(folder), written.replace(microsecond=0), frameworks, models, len(entries), failed
