"""Sections of the report and how they are shown: Markdown, printed as it comes and kept in a file."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TextIO

from hfbench_nb.results.environment import machine_facts

Row = tuple[str, ...]
WHAT = ("what", "measured", "wanted")


@dataclass(frozen=True)
class Section:
    """A table of the report.

    Attributes
    ----------
    name
        As the command line names it.
    title
        What it is about.
    rows
        Measures; gives a row as soon as it is known.
    columns
        The head of the table.
    """

    name: str
    title: str
    rows: Callable[[], Iterator[Row]]
    columns: tuple[str, ...] = WHAT


class Report:
    """Prints Markdown and writes it to a file too."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def line(self, text: str = "") -> None:
        """Write a line."""
        print(text, flush=True)
        print(text, file=self._file, flush=True)

    def section(self, section: Section) -> None:
        """Run a section; one that fails says so in a row, and the report goes on."""
        start = time.perf_counter()
        self.line(f"\n## {section.title}\n")
        self._row(section.columns)
        self._row(":---" for _ in section.columns)
        try:
            for row in section.rows():
                self._row(row)
        except Exception as error:
            traceback.print_exc()
            self._row((f"{section.name} FAILED", f"{type(error).__name__}: {error}"))
        self.line(f"\nSection `{section.name}` took {time.perf_counter() - start:.0f} s; {load()}.")

    def _row(self, cases: Iterator[str] | Row) -> None:
        self.line("| " + " | ".join(" ".join(case.replace("|", "\\|").split()) for case in cases) + " |")


def machine() -> Iterator[str]:
    """Describe the machine and what is installed, a line each."""
    facts = machine_facts()
    cores, memory_gib = facts["usable_cores"], facts["cpu_ram_mb"] / 1024
    yield f"- {facts['cpu_model']}; {cores} usable cores; {memory_gib:.0f} GiB; {platform.platform()}; {load()}"
    names = ("hfbench-nb", "torch", "transformers", "tensorflow", "numpy", "pandas")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    yield f"- Python {platform.python_version()}; {versions}"
    given = {key: value for key, value in os.environ.items() if key.startswith(("OMP_", "MKL_", "KMP_"))}
    threads = ", ".join(f"{key}={value}" for key, value in given.items()) or "no variable sets it"
    yield f"- threads: each framework's own default for all alike ({threads})"
    yield f"- {time.strftime('%Y-%m-%d %H:%M:%S')}; {Path(sys.executable).parent.parent}"


def load() -> str:
    """Return the load of the machine in words."""
    return "load " + " ".join(f"{mean:.2f}" for mean in os.getloadavg())


def version(name: str) -> str:
    """Return the version of a package, or say that it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
