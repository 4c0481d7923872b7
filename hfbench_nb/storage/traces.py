"""Traces of profiles: compressed files beside a journal, which names them, or of this process alone."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Measurement

FOLDER = "traces"
SUFFIX = ".json.gz"

_LETTERS = 60


def keep(case: Case, measurement: Measurement, folder: Path | None) -> Measurement:
    """Move the trace that a worker has written to where it stays; return the measurement with its new path.

    Parameters
    ----------
    case, measurement
        What was measured.
    folder
        The folder of the run; without one, the trace stays as long as this process.
    """
    profile = measurement.profile
    if profile is None or not profile.trace:
        return measurement
    made = Path(profile.trace)
    try:
        target = (_own_folder() if folder is None else folder / FOLDER) / _name(case, made)
        target.parent.mkdir(exist_ok=True)
        shutil.move(made, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            made.unlink()
        return replace(measurement, profile=profile.with_trace("", f"the trace was not kept: {error}"))
    return replace(measurement, profile=profile.with_trace(str(target.absolute())))


def by_name(measurement: Measurement) -> Measurement:
    """Return a measurement as a journal has it: with the name of its trace alone."""
    profile = measurement.profile
    if profile is None or not profile.trace:
        return measurement
    return replace(measurement, profile=profile.with_trace(Path(profile.trace).name))


def by_path(measurement: Measurement, folder: Path) -> Measurement:
    """Return a measurement of a journal in a folder, with the path of its trace, if that is there."""
    profile = measurement.profile
    if profile is None or not profile.trace:
        return measurement
    path = folder / FOLDER / Path(profile.trace).name
    return replace(measurement, profile=profile.with_trace(str(path.absolute()) if path.is_file() else ""))


def copy(measurements: Iterable[Measurement], folder: Path) -> None:
    """Copy traces to a folder to which their measurements are written; those that are gone are left out.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    for measurement in measurements:
        path = (
            Path(measurement.profile.trace) if measurement.profile is not None and measurement.profile.trace else None
        )
        if path is not None and path.is_file():
            target = folder / FOLDER / path.name
            target.parent.mkdir(exist_ok=True)
            if not target.exists():
                shutil.copyfile(path, target)


def remove(folder: Path) -> None:
    """Remove the traces in the folder of a run, if there is nothing else among them."""
    traces = folder / FOLDER
    found = [*traces.iterdir()] if traces.is_dir() and not traces.is_symlink() else []
    if found and all(path.name.endswith(SUFFIX) and path.is_file() for path in found):
        for path in found:
            path.unlink()
        traces.rmdir()


def _name(case: Case, made: Path) -> str:
    """Return a name that tells the case, and differs where the trace does."""
    with open(made, "rb") as file:
        number = hashlib.sha256(file.read()).hexdigest()[:8]
    model = re.sub(r"[^\w.=-]+", "-", case.model)[:_LETTERS].strip("-.")
    sizes = [] if case.batch_size is None else [f"{case.batch_size}x{case.sequence_length}"]
    return "_".join(filter(None, [model, case.task, *sizes, number])) + SUFFIX


@cache
def _own_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="hfbench-traces-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
