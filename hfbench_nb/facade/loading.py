"""Results from files: saved runs, CSV files, and published runs to compare your own machine with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hfbench_nb.arguments import checks
from hfbench_nb.display.csv_export import content_of
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.errors import ArgumentError, warn
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.rendering.keywords import refuse_unknown_keywords
from hfbench_nb.rendering.suggestions import did_you_mean
from hfbench_nb.results.environment import summarize
from hfbench_nb.results.metrics import headlines
from hfbench_nb.storage import csv_files, hub, journal
from hfbench_nb.storage.reference_runs import entries_of, reference_runs

if TYPE_CHECKING:
    import pandas as pd


@refuse_unknown_keywords
def load_results(folder: str | os.PathLike[str]) -> BenchmarkResults:
    """Read the results that `BenchmarkResults.save` or a run has written to a folder, or `push_to_hub` to the hub.

    A line that cannot be read is left out, with a warning.

    Parameters
    ----------
    folder
        A folder or the file of results in it; or a datasets repository of the Hugging Face hub:
        ``hf://datasets/user/name``, and ``@revision`` behind it for another than the newest version.

    Raises
    ------
    ArgumentError
        If the folder contains no results.
    HubError
        If the hub has no such results, cannot be reached or refuses.
    """
    path = hub.download(str(folder)) if hub.is_address(folder) else checks.path("folder", folder)
    path = path.parent if path.name == journal.FILE_NAME else path  # `save` returns the file
    contents = journal.read(path)
    for problem in contents.problems:
        warn(problem)
    merged = journal.merged(contents.entries)
    entries = [(entry.case, entry.measurement) for entry in merged]
    environments = [contents.environments[entry.environment] for entry in merged]
    environment = summarize(environments or contents.environments)
    return BenchmarkResults(entries, environment, contents.arguments, path, environments)


@refuse_unknown_keywords
def read_csv(path: str | os.PathLike[str], values: str | None = None, task: str | None = None) -> BenchmarkResults:
    """Read a CSV file of the original benchmark, or of this one.

    Parameters
    ----------
    path
        The file: columns ``model, batch_size, sequence_length, result``.
    values
        The metric that ``result`` is: ``time_s``, ``memory_mb`` or another that `BenchmarkResults.to_csv` writes. By
        default what the name of the file says, as in ``generation_ttft.csv``; where it says nothing, numbers with a
        fraction are times: both tools write memory in whole MB and times with decimals.
    task
        ``inference``, ``training`` or another task. By default what the name of the file says, and otherwise
        ``inference``.

    Returns
    -------
    BenchmarkResults
        With the one metric in the file; rows without a number are failed cases.

    Raises
    ------
    ArgumentError
        If it is not such a file; the message names line and value.
    """
    file = checks.path("path", path)
    said_task, said_metric = content_of(file) or ("inference", None)
    if task is None:
        task = said_task
    checks.one_of("task", task, TASKS.names)
    known = {metric.name: metric for metric in headlines() if metric.is_of(task)}
    if values is not None:
        checks.one_of("values", values, [*known])
    elif said_metric is not None and said_metric.name in known:
        values = said_metric.name
    return BenchmarkResults(csv_files.read(file, values, task), {}, {})


@refuse_unknown_keywords
def references() -> pd.DataFrame:
    """List the published runs that `load_reference` can load.

    Returns
    -------
    pandas.DataFrame
        One row per run, with the columns ``name``, ``title``, ``framework``, ``framework_version``, ``gpu``, ``models``
        (a tuple of names), ``source`` (the address of the publication) and ``notes`` (what was corrected, left out or
        is doubtful; a tuple of texts).
    """
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "name": name,
                "title": run["title"],
                "framework": run["framework"],
                "framework_version": run["environment"]["framework_version"],
                "gpu": run["environment"]["gpu"],
                "models": tuple(dict.fromkeys(row["model"] for row in run["rows"])),
                "source": run["source"],
                "notes": tuple(run["notes"]),
            }
            for name, run in reference_runs().items()
        ]
    )


@refuse_unknown_keywords
def load_reference(name: str) -> BenchmarkResults:
    """Return a published run as results.

    Times are single values, as printed, in seconds to the millisecond; memory is in whole MB, of the whole device.

    Parameters
    ----------
    name
        One of the names that `references` lists.

    Returns
    -------
    BenchmarkResults
        With the environment that was published with the run. ``(mine + published).plot()`` draws it together with your
        own results, and ``mine.compare(published)`` computes the ratios.

    Raises
    ------
    ArgumentError
        If there is no run of this name.
    """
    runs = reference_runs()
    if name not in runs:
        hint = did_you_mean(str(name), runs)
        raise ArgumentError(f"name={name!r} cannot be used: name must be one of {', '.join(runs)}.{hint}", "name")
    run = runs[name]
    entries = entries_of(run)
    return BenchmarkResults(entries, dict(run["environment"]), {"speed": True, "memory": True, "env_print": True})
