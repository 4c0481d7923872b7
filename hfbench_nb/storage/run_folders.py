"""Where a run stores its measurements: a folder named by the user, or one in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hfbench_nb.arguments import checks
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.errors import ArgumentError, warn, wrong_value
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.storage import resuming, traces
from hfbench_nb.storage.journal import FILE_NAME, Contents, Entry, Facts, Journal, number_environments

KEPT_RUNS = 100
KEPT_DAYS = 30

_NAME = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d+_\d+")

_run_numbers = itertools.count(1)


class RunFolder:
    """The folder of one run.

    A folder named by the user must be usable; if there can be none in the cache, the run continues with a warning.

    Parameters
    ----------
    folder
        The user's folder for a new run, or None.
    resume
        The folder of a run to resume, or None.

    Attributes
    ----------
    path
        The folder; None if there is none.

    Raises
    ------
    ArgumentError
        If both are given, or the folder cannot be used.
    """

    def __init__(self, folder: str | os.PathLike[str] | None, resume: str | os.PathLike[str] | None) -> None:
        if folder is not None and resume is not None:
            raise ArgumentError(
                f"folder={str(folder)!r} and resume={str(resume)!r} contradict each other: a run that is resumed "
                "stays in its folder; give only resume.",
                "folder",
                "resume",
            )
        named = folder if resume is None else resume
        self._parameter = None if named is None else "folder" if resume is None else "resume"
        self._scratch = _scratch_folder()
        self.path: Path | None = None if named is None else checks.path(self._parameter or "", named)
        self._journal: Journal | None = None
        try:
            if self.path is None:
                self.path = new_cache_folder()
            self._journal = Journal(self.path, resume=resume is not None)
        except OSError as error:
            self._give_up(error)

    def begin(
        self, wanted: Contents, cases: Iterable[Case], kind: Any, places: list[Settings]
    ) -> dict[Case, tuple[list[Measurement], Facts]]:
        """Write the head; return the rounds of each case that need not be measured again, and its environment.

        Parameters
        ----------
        wanted
            Environments, arguments and configurations of this run.
        cases
            The cases of this run.
        kind, places
            See `hfbench_nb.storage.resuming.differences`.

        Raises
        ------
        ArgumentError
            If the cases of a resumed run were measured differently, or its folder cannot be written to.
        """
        if self._journal is None:
            return {}
        before = self._journal.contents
        kept = resuming.kept(before, cases, wanted.arguments["timeout_s"])
        found = resuming.differences(before, wanted, kind, places) if before.entries else []
        if found:
            raise ArgumentError(
                f"resume={str(self.path)!r} cannot be used: its cases were measured differently from now. What "
                f"differs: {'; '.join(found)}.",
                "resume",
            )
        for problem in before.problems:
            warn(problem)
        wanted_cases = set(cases)
        rows = [
            (entry.case, entry.measurement, before.environments[entry.environment])
            for entry in before.entries
            if entry.case not in wanted_cases or entry in kept.get(entry.case, ())
        ]
        configurations = {**before.configurations, **wanted.configurations}
        try:
            self._journal.begin(number_environments(rows, wanted.environments, wanted.arguments, configurations))
        except OSError as error:
            self._give_up(error)
        return {
            case: ([entry.measurement for entry in rounds], before.environments[rounds[0].environment])
            for case, rounds in kept.items()
        }

    def add(self, entry: Entry) -> Measurement:
        """Write a round of a case to disk; return it, with its trace where it stays.  Warn if that fails."""
        entry = replace(entry, measurement=traces.keep(entry.case, entry.measurement, self.path))
        if self._journal is None:
            return entry.measurement
        try:
            self._journal.add(entry)
        except OSError as error:
            warn(
                f"{entry.case} could not be written to {self._journal.path}: {error}. It is part of the results, and "
                "will be written with the next case if possible."
            )
        return entry.measurement

    def scratch_of(self, case: Case) -> str:
        """Return the folder for what the rounds of a case keep for each other; empty where there can be none.

        It is not made here, and is removed when the run ends.
        """
        if self._scratch is None:
            return ""
        identity = json.dumps(case.to_dict(), sort_keys=True)
        return str(self._scratch / hashlib.sha256(identity.encode()).hexdigest()[:16])

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        if self._journal is not None:
            self._journal.close()

    def _give_up(self, error: OSError) -> None:
        if self._parameter is not None:
            allowed = f"a folder that can be written to ({error})"
            raise wrong_value(self._parameter, str(self.path), allowed) from error
        warn(f"Results are kept in memory only: {error}")
        if self._journal is not None:
            self._journal.close()
        self._journal = self.path = None


def _scratch_folder() -> Path | None:
    """Return the folder for what a run needs only while it runs, beside other temporary files on this machine."""
    try:
        return Path(tempfile.gettempdir(), f"hfbench_nb_{uuid.uuid4().hex}")
    except OSError:
        return None


def new_cache_folder() -> Path:
    """Return the folder of a new run, which is not created yet, and remove old ones (see `prune`).

    Raises
    ------
    OSError
        If this user has no home directory, and no variable says where caches are.
    """
    runs = _runs()
    with contextlib.suppress(OSError):
        prune(runs)
    return runs / f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{os.getpid()}_{next(_run_numbers)}"


def kept_folders() -> list[Path]:
    """Return the folders of the runs in the user's cache, the one that was last written to first."""
    try:
        written_s = {folder: _written_s(folder) for folder in _named_folders(_runs())}
    except OSError:  # there is no cache, or no run in it yet
        return []
    return sorted(written_s, key=written_s.__getitem__, reverse=True)


def _runs() -> Path:
    return cache_folder() / "runs"


def cache_folder() -> Path:
    """Return our folder in the user's cache.

    Raises
    ------
    OSError
        If this user has no home directory, and no variable says where caches are.
    """
    import platformdirs

    try:
        return platformdirs.user_cache_path("hfbench_nb")
    except RuntimeError as error:
        raise OSError(f"there is no place for the user's caches: {error}") from error


def _named_folders(runs: Path) -> list[Path]:
    return [entry for entry in runs.iterdir() if _NAME.fullmatch(entry.name) and not entry.is_symlink()]


def prune(runs: Path) -> None:
    """Remove runs that were last written to more than `KEPT_DAYS` days ago, except the newest `KEPT_RUNS`.

    Only folders named by `new_cache_folder` are removed, and only if they contain nothing but a journal and traces.
    """
    oldest_s = time.time() - KEPT_DAYS * 86_400
    written_s = {folder: _written_s(folder) for folder in _named_folders(runs)}
    for folder in sorted(written_s, key=written_s.__getitem__, reverse=True)[KEPT_RUNS:]:
        names = {entry.name for entry in folder.iterdir()}
        if written_s[folder] < oldest_s and names <= {FILE_NAME, traces.FOLDER}:
            with contextlib.suppress(OSError):
                traces.remove(folder)
                (folder / FILE_NAME).unlink(missing_ok=True)
                folder.rmdir()


def _written_s(folder: Path) -> float:
    """Return the time when a run was last written to, seconds since 1970."""
    journal = folder / FILE_NAME
    return (journal if journal.exists() else folder).stat().st_mtime
