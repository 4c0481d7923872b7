"""Bringing results back from files."""

from __future__ import annotations

import os
import warnings

from hfbench_nb.arguments import checks
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.storage import csv_files, journal


def load_results(folder: str | os.PathLike[str]) -> BenchmarkResults:
    """Read what `BenchmarkResults.save`, or a run, has written to a folder.

    A line that cannot be read is left out, with a warning.

    Raises
    ------
    ArgumentError
        If there are no results in the folder.
    """
    path = checks.path("folder", folder)
    contents = journal.read(path)
    for problem in contents.problems:
        warnings.warn(problem, stacklevel=2)
    return BenchmarkResults(contents.entries, contents.environment, contents.arguments, path)


def read_csv(path: str | os.PathLike[str], values: str | None = None, task: str = "inference") -> BenchmarkResults:
    """Read a CSV file of the original benchmark, or of this one.

    Parameters
    ----------
    path
        The file: columns ``model, batch_size, sequence_length, result``.
    values
        What ``result`` is: ``time_s`` or ``memory_mb``. By default numbers with a fraction are times: both tools
        write memory in whole MB and times with decimals.
    task
        ``inference`` or ``training``: the file does not say.

    Returns
    -------
    BenchmarkResults
        With the one figure that the file holds; rows without a number are failed cells.

    Raises
    ------
    ArgumentError
        If the file is not such a file; the message names line and value.
    """
    return BenchmarkResults(csv_files.read(checks.path("path", path), values, task), {}, {})
