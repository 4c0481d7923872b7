"""Published runs, to compare one's own machine with: the tables that the original's documentation printed.

The files lie in the folder ``references``, one a run. This module has another name: a module called ``references``
would, once imported, take the place of the function of that name in the package.
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.records import MEGABYTE, Cell, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

if TYPE_CHECKING:
    import pandas as pd

_MEMORY_METHOD = "published: NVML used memory of the device"


def references() -> pd.DataFrame:
    """List the published runs that `load_reference` gives.

    Returns
    -------
    pandas.DataFrame
        A row a run, with the columns ``name``, ``title``, ``framework``, ``framework_version``, ``gpu``, ``models`` (a
        tuple of names), ``source`` (the address of the publication) and ``notes`` (what was mended, kept out or is
        doubtful; a tuple of texts).
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
            for name, run in _runs().items()
        ]
    )


def load_reference(name: str) -> BenchmarkResults:
    """Give a published run as results.

    Times are single figures, as printed, in seconds to the millisecond; memory is in whole MB, of the whole device.

    Parameters
    ----------
    name
        One of the names that `references` lists.

    Returns
    -------
    BenchmarkResults
        With the environment that was published with the run. ``(mine + published).plot()`` draws it beside your own
        results, and ``mine.compare(published)`` gives the ratios.

    Raises
    ------
    ArgumentError
        If there is no run of this name.
    """
    runs = _runs()
    if name not in runs:
        close = difflib.get_close_matches(str(name), runs, n=5, cutoff=0.5)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        raise ArgumentError(f"name={name!r} cannot be used: name must be one of {', '.join(runs)}.{hint}")
    run = runs[name]
    entries = [_entry(run["framework"], row) for row in run["rows"]]
    return BenchmarkResults(entries, dict(run["environment"]), {"speed": True, "memory": True, "env_print": True})


@cache
def _runs() -> dict[str, dict[str, Any]]:
    """Give what the files hold, by name, sorted."""
    folder = resources.files("hfbench_nb.storage") / "references"
    files = (entry for entry in folder.iterdir() if entry.name.endswith(".json"))
    loaded = [json.loads(entry.read_text(encoding="utf-8")) for entry in files]
    return {run["name"]: run for run in sorted(loaded, key=lambda run: str(run["name"]))}


def _entry(framework: str, row: dict[str, Any]) -> tuple[Cell, Measurement]:
    """Make a cell of a row; a time given as text is what was printed where it is no usable figure."""
    cell = Cell(framework, row["model"], row["task"], row["batch_size"], row["sequence_length"])
    time_s, memory = row["time_s"], MemoryUse(_MEMORY_METHOD, peak_bytes=row["memory_mb"] * MEGABYTE)
    if isinstance(time_s, str):
        # No number stands for it. The cell itself was measured, so its status is no failure's.
        return cell, Measurement("ok", memory=memory, failure=Failure("MissingResult", f"published as {time_s} s"))
    return cell, Measurement("ok", Timing((time_s,)), memory)
