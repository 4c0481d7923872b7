"""Published runs: the tables that the original's documentation printed, one file each in the folder ``references``."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import MEGABYTE, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

_MEMORY_METHOD = "published: NVML used memory of the device"


@cache
def reference_runs() -> dict[str, dict[str, Any]]:
    """Return the contents of the files by the name of the run, sorted."""
    folder = resources.files("hfbench_nb.storage") / "references"
    files = (entry for entry in folder.iterdir() if entry.name.endswith(".json"))
    loaded = [json.loads(entry.read_text(encoding="utf-8")) for entry in files]
    return {run["name"]: run for run in sorted(loaded, key=lambda run: str(run["name"]))}


def entries_of(run: dict[str, Any]) -> list[tuple[Case, Measurement]]:
    """Return the cases of a published run."""
    return [_entry(run["framework"], row) for row in run["rows"]]


def _entry(framework: str, row: dict[str, Any]) -> tuple[Case, Measurement]:
    """Make an entry from a row; a time given as text is what was printed where it is not a usable number."""
    case = Case(framework, row["model"], row["task"], row["batch_size"], row["sequence_length"])
    time_s, memory = row["time_s"], MemoryUse(_MEMORY_METHOD, peak_bytes=row["memory_mb"] * MEGABYTE)
    if isinstance(time_s, str):
        # There is no number for it. The case itself was measured, so it has not failed.
        return case, Measurement("ok", memory=memory, failure=Failure("MissingResult", f"published as {time_s} s"))
    return case, Measurement("ok", Timing((time_s,)), memory)
