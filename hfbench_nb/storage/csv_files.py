"""The original's CSV files: ``model,batch_size,sequence_length,result``.

A name that a spreadsheet would take for a formula is written with an apostrophe before it, which reading takes away.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from hfbench_nb.arguments import checks
from hfbench_nb.protocol.decoding import read_text
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.records import LARGEST_FIGURE, MEGABYTE, Cell, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.rendering.escaping import for_spreadsheet, from_spreadsheet
from hfbench_nb.storage.files import replace_file

if TYPE_CHECKING:
    from hfbench_nb.facade.benchmark_results import BenchmarkResults

COLUMNS = ("model", "batch_size", "sequence_length", "result")

# File (as the arguments name it, without "_csv_file") -> task and figure that it holds.
_CONTENTS = {
    "inference_time": ("inference", "speed"),
    "inference_memory": ("inference", "memory"),
    "train_time": ("training", "speed"),
    "train_memory": ("training", "memory"),
}
NAMES = (*_CONTENTS, "env_info")

_WHOLE = re.compile(r"0*[1-9][0-9]{0,8}")


def write_all(results: BenchmarkResults, paths: dict[str, Path]) -> list[Path]:
    """Write every figure that was measured to its file, and the environment; give the paths written."""
    written = []
    for name, (task, figure) in _CONTENTS.items():
        if task in results.tasks and results.asked_for(figure):
            rows = [
                (model, batch_size, length, _text(value))
                for model, nested in results.nested(task, figure).items()
                for batch_size, by_length in nested["result"].items()
                for length, value in by_length.items()
            ]
            written.append(_write(paths[name], [COLUMNS, *rows]))
    written.append(_write(paths["env_info"], list(results.environment.items())))
    return written


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _harmless(row: tuple[object, ...]) -> list[object]:
    """Keep a spreadsheet from evaluating a name or a fact."""
    return [value if isinstance(value, int | float) else for_spreadsheet(str(value)) for value in row]


def _write(path: Path, rows: list[tuple[object, ...]]) -> Path:
    """Write rows to a file that is there whole or not at all."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(map(_harmless, rows))
    replace_file(path, text.getvalue().encode())
    return path


def read(path: Path, values: str | None, task: str) -> list[tuple[Cell, Measurement]]:
    """Read a file of the original; see `hfbench_nb.read_csv`."""
    if values is not None:
        checks.one_of("values", values, ("time_s", "memory_mb"))
    checks.one_of("task", task, ("inference", "training"))
    rows = _read_rows(path)
    if values is None:
        is_time = any("." in row["result"] or "e" in row["result"].lower() for row in rows)
        values = "time_s" if is_time else "memory_mb"
    return [_entry(row, values, task, f"{path}, line {line}") for line, row in enumerate(rows, start=2)]


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        text = read_text(path)
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise ArgumentError(f"{path} cannot be read as CSV: {error}") from error
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ArgumentError(f"{path} has the columns {reader.fieldnames}; a benchmark's file has {list(COLUMNS)}.")
    for line, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ArgumentError(f"{path}, line {line}, has not {len(COLUMNS)} columns.")
    return rows


def _entry(row: dict[str, str], values: str, task: str, place: str) -> tuple[Cell, Measurement]:
    try:
        sizes = [_whole(name, row[name]) for name in ("batch_size", "sequence_length")]
        cell = Cell("", from_spreadsheet(row["model"]), task, *sizes)
        cell.check()
    except ValueError as error:
        raise ArgumentError(f"{place}: {error}") from error
    text = row["result"].strip()
    try:
        number = float(text)
    except ValueError:
        return cell, Measurement("error", failure=Failure("MissingResult", f"the file says {text!r}"))
    if not 0 <= number <= LARGEST_FIGURE:
        raise ArgumentError(f"{place}: result={text!r} is neither a figure nor N/A.")
    if values == "time_s":
        return cell, Measurement("ok", timing=Timing((number,)))
    return cell, Measurement("ok", memory=MemoryUse("read from a file", peak_bytes=round(number * MEGABYTE)))


def _whole(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"batch_size and sequence_length must be whole numbers of at least 1: {name}={text!r}")
    return int(text)
