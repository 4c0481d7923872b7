"""Results on disk: JSON Lines with a head (environments, arguments), then one round of a case per line."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.decoding import parse_json, read_text, why_unreadable
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.merging import merge
from hfbench_nb.storage import formats, traces
from hfbench_nb.storage.files import replace_file
from hfbench_nb.storage.locks import Lock

FILE_NAME = "results.jsonl"

Facts = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """A round of a case.

    Attributes
    ----------
    case, measurement
        What was measured and what came back in this round; once `merged`, in all rounds.
    environment
        Index of the environment in which it was measured, among those of its `Contents`.
    """

    case: Case
    measurement: Measurement
    environment: int = 0


@dataclass(frozen=True)
class Contents:
    """What a journal holds.

    Attributes
    ----------
    environments
        Facts about each place in which cases were measured.
    arguments
        The arguments of the run.
    configurations
        The configuration of each model by its name; empty if they were not kept.
    entries
        The complete rounds of cases.
    problems
        Messages about what had to be left out, such as a line that was truncated when its writer died.
    """

    environments: list[Facts]
    arguments: Facts
    configurations: Facts = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def number_environments(
    rows: Iterable[tuple[Case, Measurement, Mapping[str, Any]]],
    environments: Iterable[Mapping[str, Any]],
    arguments: Facts,
    configurations: Facts | None = None,
) -> Contents:
    """Return contents that list each environment once: first the given ones, then those of the rows."""
    numbered = [dict(environment) for environment in environments]
    entries = []
    for case, measurement, environment in rows:
        if environment not in numbered:
            numbered.append(dict(environment))
        number = numbered.index(dict(environment))
        entries += [Entry(case, each, number) for each in measurement.each_round]
    return Contents(numbered, arguments, configurations or {}, entries)


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """Return one entry per case, in order, with what its rounds say together.

    A round that a case has already had begins another measurement of it: several runs were added.
    """
    groups: list[dict[int, Entry]] = []
    latest: dict[Case, dict[int, Entry]] = {}
    for entry in entries:
        number = entry.measurement.round
        if number in latest.get(entry.case, {number: None}):
            latest[entry.case] = {}
            groups.append(latest[entry.case])
        latest[entry.case][number] = entry
    firsts = [(next(iter(group.values())), group) for group in groups]
    return [
        Entry(first.case, merge([each.measurement for each in group.values()]), first.environment)
        for first, group in firsts
    ]


class Journal:
    """Writes each round of a case to disk before the next one starts; a folder belongs to one run at a time.

    Parameters
    ----------
    folder
        Created if it does not exist, unless `resume`.
    resume
        Whether to continue the journal in the folder. If not, the folder must contain no results.

    Attributes
    ----------
    contents
        What the journal contained; empty for a new one.

    Raises
    ------
    ArgumentError
        If results would be overwritten, if there are none to continue, or if another run is writing to the folder.
    OSError
        If the folder cannot be made.
    """

    def __init__(self, folder: Path, *, resume: bool = False) -> None:
        self.path = folder / FILE_NAME
        if resume and not self.path.is_file():
            raise wrong_value("resume", str(folder), f"the folder of a run, with its {FILE_NAME}")
        self._made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        self._file: io.FileIO | None = None
        self._end = 0
        self._unwritten = b""
        self._lock = _lock(folder)
        try:
            if not resume and _holds_others(self.path, Contents([], {})):
                raise wrong_value(
                    "folder", str(folder), "a folder without results: give resume= instead to continue the run in it"
                )
            self.contents = read(folder) if resume else Contents([], {})
        except BaseException:
            self._lock.close()
            raise

    def begin(self, contents: Contents) -> None:
        """Replace the contents of the journal atomically; from then on, cases can be added.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        replace_file(self.path, _text(contents))
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by close()
        self._end = self._file.tell()

    def add(self, entry: Entry) -> None:
        """Write a round of a case and flush it to disk.

        Raises
        ------
        OSError
            If that fails; the journal is then unchanged, and the case is written together with the next one.
        """
        self._unwritten += _entry_line(entry)
        self._write()

    def _write(self) -> None:
        assert self._file is not None
        try:
            left = memoryview(self._unwritten)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)  # a truncated line would corrupt the next one
            raise
        self._end += len(self._unwritten)
        self._unwritten = b""

    def close(self) -> None:
        """Write what could not be written before, if possible now, and release the folder."""
        if self._file is not None:
            with self._file, contextlib.suppress(OSError):
                self._write()
        elif self._made:
            with contextlib.suppress(OSError):
                self.path.parent.rmdir()  # the run ended before there was anything to write
        self._lock.close()


def write(folder: Path, contents: Contents, *, overwrite: bool = False) -> Path:
    """Write results to a folder, atomically replacing those in it; return the path.

    Raises
    ------
    ArgumentError
        If a run is writing to the folder, or, unless `overwrite`, if results in it would be lost.
    OSError
        If it cannot be written to.
    """
    path = folder / FILE_NAME
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(_lock(folder)):
        if not overwrite and _holds_others(path, contents):
            raise wrong_value("folder", str(folder), "a folder without other results: overwrite=True replaces them")
        traces.copy((entry.measurement for entry in contents.entries), folder)
        replace_file(path, _text(contents))
    return path


def _lock(folder: Path) -> Lock:
    lock = Lock(folder.resolve())
    if not lock.take():
        writer = f"another run (process {lock.holder() or 'unknown'})"
        lock.close()
        raise ArgumentError(f"{folder} cannot be written to: {writer} is writing to it.")
    return lock


def _text(contents: Contents) -> bytes:
    head = {
        "hfbench_nb_format": formats.NEWEST,
        "environments": contents.environments,
        "arguments": contents.arguments,
        "configurations": contents.configurations,
    }
    return b"".join([_line(head), *map(_entry_line, contents.entries)])


def _entry_line(entry: Entry) -> bytes:
    measurement = traces.by_name(entry.measurement).to_dict()
    return _line({"case": entry.case.to_dict(), "measurement": measurement, "environment": entry.environment})


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), default=str).encode() + b"\n"


def _holds_others(path: Path, contents: Contents) -> bool:
    """Return whether a file contains anything, but for the head of a run, that is not in `contents`."""
    if not path.exists():
        return False
    try:
        before = read(path.parent)
    except ArgumentError:
        return path.stat().st_size > 0
    kept, found = ({_entry_line(replace(entry, environment=0)) for entry in of.entries} for of in (contents, before))
    return bool(before.problems) or not found <= kept


def read(folder: Path) -> Contents:
    """Read what was written to a folder, by this version or an earlier one.

    Raises
    ------
    ArgumentError
        If there is no journal in the folder, or its head cannot be read.
    """
    path = folder / FILE_NAME
    place, advice = str(path), "give the folder of a run, or one that save has written to"
    try:
        head_line, *lines = read_text(path).split("\n")
        place, advice = f"{path}, line 1,", "it is no such file, or damaged: take a copy of it, or measure again"
        head = formats.read_head(parse_json(head_line))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{why_unreadable(error)}; {advice}."
        raise ArgumentError(f"{place} cannot be read as results of hfbench_nb: {reason}", "folder") from error
    entries, problems = [], []
    for number, line in enumerate(lines, start=2):
        if not line and number == len(lines) + 1:
            break  # the line feed of the last line
        try:
            case, measurement, environment = formats.read_entry(head, parse_json(line))
            entries.append(Entry(case, traces.by_path(measurement, folder), environment))
        except (ValueError, KeyError, TypeError) as error:
            is_torn = number == len(lines) + 1
            reason = "it is truncated, the run ended while it was written" if is_torn else why_unreadable(error)
            problems.append(f"{path}, line {number}, is left out: {reason}")
    return Contents(head.environments, head.arguments, head.configurations, entries, problems)
