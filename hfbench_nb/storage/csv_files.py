"""The original's CSV files: ``model,batch_size,sequence_length,result``.

A name that a spreadsheet would treat as a formula is prefixed with an apostrophe, which reading removes.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.decoding import read_text, why_unreadable
from hfbench_nb.protocol.errors import ArgumentError, shown
from hfbench_nb.protocol.measurement import LARGEST_VALUE, MEGABYTE, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.rendering.escaping import for_spreadsheet, from_spreadsheet
from hfbench_nb.storage.files import replace_file

COLUMNS = ("model", "batch_size", "sequence_length", "result")

_FILE = f"a file that to_csv has written, or the original, with the columns {', '.join(COLUMNS)}"

_WHOLE = re.compile(r"0*[1-9][0-9]{0,8}")


def write_nested(path: Path, nested: Mapping[str, Any]) -> Path:
    """Write one metric of one task, given as the original's nested dictionaries; return the path."""
    rows = [
        (model, *("" if size is None else size for size in (batch_size, length)), _text(value))
        for model, of_model in nested.items()
        for batch_size, by_length in of_model["result"].items()
        for length, value in by_length.items()
    ]
    return _write(path, [COLUMNS, *rows])


def write_facts(path: Path, facts: Iterable[Sequence[object]]) -> Path:
    """Write the facts of an environment, one per row: name and value; return the path."""
    return _write(path, list(facts))


def _text(value: object) -> str:
    """Return the text of a value: a number with a fraction has a point, also where the fraction is zero."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"{text}.0" if isinstance(value, float) and text.isdecimal() else text


def _harmless(row: Sequence[object]) -> list[object]:
    """Keep a spreadsheet from evaluating a name or a fact."""
    return [value if isinstance(value, int | float) else for_spreadsheet(str(value)) for value in row]


def _write(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """Write rows to a file atomically."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(map(_harmless, rows))
    replace_file(path, text.getvalue().encode())
    return path


def read(path: Path, values: str | None, task: str) -> list[tuple[Case, Measurement]]:
    """Read a file of one metric of one task; where `values` does not name the metric, a fraction tells a time."""
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
        place = f"{path}, line {reader.reader.line_num}," if isinstance(error, csv.Error) else str(path)
        raise ArgumentError(f"{place} cannot be read as CSV: {why_unreadable(error)}; give {_FILE}.", "path") from error
    if tuple(reader.fieldnames or ()) != COLUMNS:
        found = "no columns" if reader.fieldnames is None else f"the columns {shown(reader.fieldnames)}"
        raise ArgumentError(f"{path}, line 1, has {found}; give {_FILE}.", "path")
    for line, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ArgumentError(f"{path}, line {line}, does not have {len(COLUMNS)} columns.")
    return rows


def _entry(row: dict[str, str], values: str, task: str, place: str) -> tuple[Case, Measurement]:
    try:
        sizes = [_whole(name, row[name]) if TASKS[task].has_sizes else None for name in COLUMNS[1:3]]
        case = Case("", from_spreadsheet(row["model"]), task, sizes[0], sizes[1])
        case.check()
    except ValueError as error:
        raise ArgumentError(f"{place}: {error}") from error
    text = row["result"].strip()
    try:
        number = float(text)
    except ValueError:
        return case, Measurement("error", failure=Failure("MissingResult", f"the file says {text!r}"))
    if not 0 <= number <= LARGEST_VALUE:
        raise ArgumentError(f"{place}: result={text!r} is neither a number nor N/A.")
    if values == "time_s":
        return case, Measurement("ok", timing=Timing((number,)))
    if values == "memory_mb":
        memory = MemoryUse("read from a file", peak_bytes=round(number * MEGABYTE))
        return case, Measurement("ok", memory=memory)
    return case, Measurement("ok", metrics={values: number})


def _whole(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"batch_size and sequence_length must be whole numbers of at least 1: {name}={text!r}")
    return int(text)
