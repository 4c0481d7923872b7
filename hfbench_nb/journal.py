"""Results on disk: JSON Lines, a head with environment and arguments, then a finished cell a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from hfbench_nb.errors import ArgumentError
from hfbench_nb.records import Cell, Measurement

FILE_NAME = "results.jsonl"
# History of the format: 1, November 2026.
FORMAT = 1

Entry = tuple[Cell, Measurement]


class Journal:
    """Writes each finished cell to disk before the next one starts.

    Parameters
    ----------
    folder
        Made if it is not there; a journal in it is written anew.
    environment, arguments
        The head.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """

    def __init__(self, folder: Path, environment: dict[str, Any], arguments: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE_NAME
        self._file = open(self.path, "w", encoding="utf-8")  # noqa: SIM115 - closed by __exit__
        self._write(_head_line(environment, arguments))

    def add(self, cell: Cell, measurement: Measurement) -> None:
        """Write a finished cell and flush it to disk."""
        self._write(_entry_line(cell, measurement))

    def _write(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def write(folder: Path, environment: dict[str, Any], arguments: dict[str, Any], entries: Iterable[Entry]) -> Path:
    """Write whole results to a folder, replacing what is there only when all is written; give the path."""
    path = folder / FILE_NAME
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{FILE_NAME}.{os.getpid()}.part"
    lines = [_head_line(environment, arguments), *(_entry_line(*entry) for entry in entries)]
    part.write_text("".join(lines), "utf-8")
    os.replace(part, path)
    return path


def _head_line(environment: dict[str, Any], arguments: dict[str, Any]) -> str:
    return _line({"hfbench_nb_format": FORMAT, "environment": environment, "arguments": arguments})


def _entry_line(cell: Cell, measurement: Measurement) -> str:
    return _line({"cell": asdict(cell), "measurement": measurement.to_dict()})


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), default=str) + "\n"


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any], list[Entry], list[str]]:
    """Read what was written to a folder.

    Returns
    -------
    environment, arguments : dict
    entries : list
        The cells that are whole.
    problems : list of str
        What had to be left out, in words: a line torn by the end of its writer, for instance.

    Raises
    ------
    ArgumentError
        If there is no journal in the folder, or its head cannot be read.
    """
    path = folder / FILE_NAME
    try:
        head_line, *lines = path.read_text("utf-8").splitlines()
        head = json.loads(head_line)
        if head["hfbench_nb_format"] != FORMAT:
            raise ArgumentError(f"{path} has format {head['hfbench_nb_format']!r}; this version reads format {FORMAT}.")
        environment, arguments = dict(head["environment"]), dict(head["arguments"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"{path} cannot be read as results of hfbench_nb: {error!r}") from error
    entries: list[Entry] = []
    problems: list[str] = []
    for number, line in enumerate(lines, start=2):
        try:
            data = json.loads(line)
            entries.append((Cell(**data["cell"]), Measurement.from_dict(data["measurement"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(f"{path}, line {number}, is left out: {error!r}")
    return environment, arguments, entries, problems
