"""Results on disk: JSON Lines, a head with environment and arguments, then a finished cell a line."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hfbench_nb.protocol.decoding import make, parse_json, read_text
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.records import Cell, Measurement
from hfbench_nb.storage.files import replace_file
from hfbench_nb.storage.locks import Lock

FILE_NAME = "results.jsonl"
# History of the format: 1, November 2026.
FORMAT = 1

Entry = tuple[Cell, Measurement]


@dataclass(frozen=True)
class Contents:
    """What a journal holds.

    Attributes
    ----------
    environment, arguments
        Those of the run.
    configurations
        The configuration of each model by its name; empty where they were not kept.
    entries
        The cells that are whole.
    problems
        What had to be left out, in words: a line torn by the end of its writer, for instance.
    """

    environment: dict[str, Any]
    arguments: dict[str, Any]
    configurations: dict[str, Any] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Journal:
    """Writes each finished cell to disk before the next one starts; one run at a time has a folder.

    Parameters
    ----------
    folder
        Made if it is not there, unless `resume`.
    resume
        Whether to go on with the journal that is in the folder. If not, there must be no results in it.

    Attributes
    ----------
    contents
        What the journal held; of a new one, nothing.

    Raises
    ------
    ArgumentError
        If results would be overwritten, if there are none to go on with, or if another run writes to the folder.
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
            if not resume and _holds_something(self.path):
                raise wrong_value(
                    "folder", str(folder), "a folder without results: give resume= instead to go on with those in it"
                )
            self.contents = read(folder) if resume else Contents({}, {})
        except BaseException:
            self._lock.close()
            raise

    def begin(self, contents: Contents) -> None:
        """Put `contents` in place of what the journal held, whole or not at all; from here on it can be added to.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        replace_file(self.path, _text(contents))
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by close()
        self._end = self._file.tell()

    def add(self, cell: Cell, measurement: Measurement) -> None:
        """Write a finished cell and flush it to disk.

        Raises
        ------
        OSError
            If that fails; the journal is then as before, and the cell is written together with the next one.
        """
        self._unwritten += _entry_line(cell, measurement)
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
                self._file.truncate(self._end)  # a torn line would spoil the next one
            raise
        self._end += len(self._unwritten)
        self._unwritten = b""

    def close(self) -> None:
        """Write what could not be written before, if that is possible now, and let go of the folder."""
        if self._file is not None:
            with self._file, contextlib.suppress(OSError):
                self._write()
        elif self._made:
            with contextlib.suppress(OSError):
                self.path.parent.rmdir()  # the run ended before there was anything to write
        self._lock.close()


def write(folder: Path, contents: Contents) -> Path:
    """Write whole results to a folder, replacing what is there only when all is written; give the path.

    Raises
    ------
    ArgumentError
        If a run is writing to the folder.
    OSError
        If it cannot be written to.
    """
    path = folder / FILE_NAME
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(_lock(folder)):
        replace_file(path, _text(contents))
    return path


def _lock(folder: Path) -> Lock:
    lock = Lock(folder.resolve())
    if not lock.take():
        writer = f"another run (process {lock.holder() or 'unknown'})"
        lock.close()
        raise ArgumentError(f"{folder} cannot be written to: {writer} writes there.")
    return lock


def _text(contents: Contents) -> bytes:
    head = {
        "hfbench_nb_format": FORMAT,
        "environment": contents.environment,
        "arguments": contents.arguments,
        "configurations": contents.configurations,
    }
    return b"".join([_line(head), *(_entry_line(*entry) for entry in contents.entries)])


def _entry_line(cell: Cell, measurement: Measurement) -> bytes:
    return _line({"cell": asdict(cell), "measurement": measurement.to_dict()})


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), default=str).encode() + b"\n"


def _holds_something(path: Path) -> bool:
    """Tell whether a file holds more than the head of a run that has not finished a cell."""
    if not path.exists():
        return False
    try:
        contents = read(path.parent)
    except ArgumentError:
        return path.stat().st_size > 0
    return bool(contents.entries or contents.problems)


def read(folder: Path) -> Contents:
    """Read what was written to a folder.

    Raises
    ------
    ArgumentError
        If there is no journal in the folder, or its head cannot be read.
    """
    path = folder / FILE_NAME
    try:
        head_line, *lines = read_text(path).split("\n")
        head = parse_json(head_line)
        if head["hfbench_nb_format"] != FORMAT:
            raise ArgumentError(f"{path} has format {head['hfbench_nb_format']!r}; this version reads format {FORMAT}.")
        contents = Contents(
            _facts(head, "environment"),
            _facts(head, "arguments"),
            _facts({"configurations": {}, **head}, "configurations"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"{path} cannot be read as results of hfbench_nb: {error!r}") from error
    for number, line in enumerate(lines, start=2):
        if not line and number == len(lines) + 1:
            break  # the line feed of the last line
        try:
            data = parse_json(line)
            contents.entries.append((make(Cell, data["cell"]), Measurement.from_dict(data["measurement"])))
        except (ValueError, KeyError, TypeError) as error:
            is_torn = number == len(lines) + 1
            reason = "it is torn, the run ended while it was written" if is_torn else repr(error)
            contents.problems.append(f"{path}, line {number}, is left out: {reason}")
    return contents


def _facts(head: dict[str, Any], name: str) -> dict[str, Any]:
    facts = head[name]
    if not isinstance(facts, dict):
        raise ValueError(f"{name} is a {type(facts).__name__}")
    return facts
