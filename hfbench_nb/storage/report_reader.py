"""Reads the text report back: the original's, that of the old documentation, and ours."""

from __future__ import annotations

import dataclasses
import html
import math
import re
import textwrap
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.records import LARGEST_FIGURE, MEGABYTE, STATUSES, Cell, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

# Continuation lines of a reason are printed with this in front; see `hfbench_nb.report`.
INDENT = "    "

_UNITS = {"speed": "s", "memory": "MB"}
_HEADING = re.compile(r"(INFERENCE|TRAIN|TRAINING) - (SPEED|MEMORY) - RESULTS?")
_ENVIRONMENT = "ENVIRONMENT INFORMATION"
_FACT = re.compile(r"- ([^:]+): ?(.*)")
_REASON = re.compile(
    r"N/A: (.+?), (inference|training), batch size ([1-9][0-9]{0,8}), sequence length ([1-9][0-9]{0,8}): "
    rf"({'|'.join(STATUSES)}): (.*)"
)
_WHOLE = re.compile(r"[1-9][0-9]{0,8}")
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?")
_BELOW = re.compile(rf"<\s*{_NUMBER.pattern}")
_ESCAPED = re.compile(r"&lt;\s*[0-9]|&gt;&gt;")
# A table has a rule above its heads, one below them and one at its end.
_RULES = 3

Entry = tuple[Cell, Measurement]


@dataclass(frozen=True)
class Row:
    """A row of a table: its place in the text, counted from 1, the text, its cell, and the result as printed."""

    line: int
    text: str
    cell: Cell
    result: str


def read_report(text: str) -> tuple[list[Entry], dict[str, Any], dict[str, Any], list[str]]:
    """Read a report.

    Returns
    -------
    entries : list
        The cells in the order printed.
    environment : dict
        The list of facts; numbers, flags and None where they read so, and text.
    arguments : dict
        ``speed`` and ``memory``: which tables there are; ``env_print``: whether there is an environment.
    problems : list of str
        What had to be left out or read otherwise than printed, in words.

    Raises
    ------
    ArgumentError
        If `text` holds no row of such a report.
    """
    if not isinstance(text, str):
        raise wrong_value("text", text, "the text of a report")
    reader = _Reader()
    for line, content in enumerate(_lines(text), start=1):
        if not reader.take(line, content):
            break
    found = _attribute(reader.tables, reader.problems)
    cells = list(dict.fromkeys([*(cell for results in found.values() for cell in results), *reader.reasons]))
    if not cells:
        raise ArgumentError(
            "text holds no benchmark's report. Looked for sections headed INFERENCE or TRAIN - SPEED or MEMORY - "
            "RESULT with rows of model name, batch size, sequence length and result, as print(results) gives them."
        )
    figures = {figure: any(key[1] == figure for key in reader.tables) for figure in _UNITS}
    arguments = {**figures, "env_print": bool(reader.environment)}
    framework = _framework(reader.environment)
    entries = [
        (dataclasses.replace(cell, framework=framework), _measurement(cell, found, reader.reasons)) for cell in cells
    ]
    return entries, reader.environment, arguments, reader.problems


def _lines(text: str) -> list[str]:
    """Give the lines without what pasting has put around them: escapes, quoting marks, common indentation."""
    if _ESCAPED.search(text):
        text = html.unescape(text)
    # Only these end a line: a failure's message may hold the rarer ends that str.splitlines knows.
    lines = textwrap.dedent(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return [re.sub(r"^>{1,3} ?", "", line).rstrip() for line in lines]


class _Reader:
    """Takes a report line by line and keeps what it says.

    Attributes
    ----------
    tables
        The rows of each table, by task and figure.
    reasons
        Status and reason of cells that have one.
    environment
        The facts, by name.
    problems
        What could not be read, in words.
    """

    def __init__(self) -> None:
        self.tables: dict[tuple[str, str], list[Row]] = {}
        self.reasons: dict[Cell, tuple[str, list[str]]] = {}
        self.environment: dict[str, Any] = {}
        self.problems: list[str] = []
        self._section: tuple[str, str] | str | None = None
        self._rules = 0
        self._reason: list[str] | None = None

    def take(self, line: int, content: str) -> bool:
        """Take a line; tell whether to go on."""
        stripped = content.strip()
        title = " ".join(stripped.strip("= ").upper().split())
        heading = _HEADING.fullmatch(title)
        if heading is not None or title == _ENVIRONMENT:
            return self._open(line, heading)
        if self._reason is not None and self._continues(content):
            self._reason.append(content[len(INDENT) :])
        elif stripped.startswith(("====", "```")):
            self._open_other()
        elif isinstance(self._section, tuple):
            self._take_in_table(line, stripped, self._section)
        elif self._section == _ENVIRONMENT and (fact := _FACT.fullmatch(stripped)):
            self.environment[fact[1].strip()] = _value(fact[1].strip(), fact[2].strip())
        return True

    def _continues(self, content: str) -> bool:
        """Tell whether a line goes on with the reason above it (blanks at the end of lines may be lost in pasting)."""
        return (not content or content.startswith(INDENT)) and not _REASON.fullmatch(content.strip())

    def _open(self, line: int, heading: re.Match[str] | None) -> bool:
        section: tuple[str, str] | str = _ENVIRONMENT
        if heading is not None:
            section = ("inference" if heading[1] == "INFERENCE" else "training", heading[2].lower())
        if section in self.tables or (section == _ENVIRONMENT and self.environment):
            # Two runs in one text (a whole page of documentation, a report printed twice): cells must not be mixed.
            self.problems.append(f"line {line}: another report starts here; only the first is read.")
            return False
        self._open_other()
        self._section = section
        if isinstance(section, tuple):
            self.tables[section] = []
        return True

    def _open_other(self) -> None:
        """Start a part of the text that is not read: memory line by line, what stands around the report."""
        self._section, self._rules, self._reason = None, 0, None

    def _take_in_table(self, line: int, stripped: str, section: tuple[str, str]) -> None:
        self._reason = None
        if stripped.startswith("----") and not stripped.strip("-"):
            self._rules += 1
        elif reason := _REASON.fullmatch(stripped):
            cell = Cell("", reason[1], reason[2], int(reason[3]), int(reason[4]))
            # The table of memory repeats what that of times has said.
            self._reason = [reason[6]]
            self.reasons.setdefault(cell, (reason[5], self._reason))
        elif self._rules < _RULES and (row := _row(line, stripped, section[0])):
            if _is_result(row.result):
                self.tables[section].append(row)
            else:
                self.problems.append(f"line {line} is left out, its result is neither a figure nor N/A: {stripped!r}")


def _row(line: int, stripped: str, task: str) -> Row | None:
    """Read from the right: a model's name may hold blanks; None for what is no row."""
    parts = re.sub(r"<\s+(\S+)$", r"<\1", stripped).rsplit(None, 3)
    if len(parts) != 4 or not _WHOLE.fullmatch(parts[1]) or not _WHOLE.fullmatch(parts[2]):
        return None
    cell = Cell("", parts[0], task, int(parts[1]), int(parts[2]))
    return Row(line, stripped, cell, parts[3].replace("<", "< "))


def _is_result(text: str) -> bool:
    return text == "N/A" or _BELOW.fullmatch(text) is not None or _figure(text) is not None


def _figure(text: str) -> float | None:
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if number <= LARGEST_FIGURE else None


def _value(name: str, text: str) -> Any:
    """Read a fact as what it was before it was printed; a version stays text, 1.10 is not 1.1."""
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    if name.endswith("version"):
        return text
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text):
        return int(text)
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}([eE][-+]?[0-9]{1,2})?", text):
        return float(text)
    return text


def _framework(environment: dict[str, Any]) -> str:
    name = str(environment.get("framework", ""))
    return {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}.get(name.lower(), name)


# ---- from rows to cells


def _attribute(tables: dict[tuple[str, str], list[Row]], problems: list[str]) -> dict[str, dict[Cell, str]]:
    """Give each figure's results as printed, by cell; what belongs to no cell for certain is left out."""
    found: dict[str, dict[Cell, str]] = {figure: {} for figure in _UNITS}
    for (task, figure), rows in tables.items():
        other = tables.get((task, "memory" if figure == "speed" else "speed"), [])
        for model in dict.fromkeys(row.cell.model for row in rows):
            of_model = [row for row in rows if row.cell.model == model]
            places = [row.cell for row in other if row.cell.model == model]
            found[figure] |= _attribute_rows(of_model, places, problems)
    return found


def _attribute_rows(rows: list[Row], places: list[Cell], problems: list[str]) -> dict[Cell, str]:
    """Attribute the rows of one model in one table.

    A cell that is there twice is an error of typing, as in the old documentation. Both tables of a run are printed in
    the same order, so the other one (`places`) can say which row was meant.
    """
    times = Counter(row.cell for row in rows)
    if len(times) == len(rows):
        return {row.cell: row.result for row in rows}
    if _fit(rows, places, times):
        problems.extend(
            f"line {row.line} is read as batch size {cell.batch_size}, sequence length {cell.sequence_length}, which "
            f"has its place in the other table; its own cell is there twice: {row.text!r}"
            for row, cell in zip(rows, places, strict=True)
            if row.cell != cell
        )
        return {cell: row.result for row, cell in zip(rows, places, strict=True)}
    results: dict[Cell, set[str]] = {}
    for row in rows:
        results.setdefault(row.cell, set()).add(row.result)
    kept: dict[Cell, str] = {}
    for row in rows:
        if len(results[row.cell]) == 1 and row.cell not in kept:
            kept[row.cell] = row.result
        else:
            problems.append(f"line {row.line} is left out, its cell is there twice: {row.text!r}")
    return kept


def _fit(rows: list[Row], places: list[Cell], times: Counter[Cell]) -> bool:
    """Tell whether the rows are those of `places` but for cells that are there twice."""
    if len(places) != len(rows) or len(set(places)) < len(places):
        return False
    in_place = {row.cell for row, place in zip(rows, places, strict=True) if row.cell == place}
    misplaced = [row.cell for row, place in zip(rows, places, strict=True) if row.cell != place]
    return all(cell in in_place and times[cell] > 1 for cell in misplaced)


def _measurement(
    cell: Cell, found: dict[str, dict[Cell, str]], reasons: dict[Cell, tuple[str, list[str]]]
) -> Measurement:
    printed = {figure: results[cell] for figure, results in found.items() if cell in results}
    figures = {figure: _figure(text) or None for figure, text in printed.items()}
    time_s, memory_mb = figures.get("speed"), figures.get("memory")
    timing = None if time_s is None else Timing((time_s,))
    memory = None if memory_mb is None else MemoryUse("read from a report", round(memory_mb * MEGABYTE))
    if cell in reasons:
        status, lines = reasons[cell]
        return Measurement(status, timing, memory, _failure("\n".join(lines).rstrip()))
    missing = {figure: text for figure, text in printed.items() if figures[figure] is None}
    if not missing:
        return Measurement("ok", timing, memory)
    # "< 0.001" is an upper bound, and zero is what rounding leaves: no number is made of either, but the cell was
    # measured, so its status is "ok", and the reason says what was printed. So with N/A beside a figure: the original
    # printed it for the memory of all cells where NVML was not installed. A cell with nothing else has failed.
    status = "error" if all(text == "N/A" for text in printed.values()) else "ok"
    messages = [
        f"the report says {text!r} for {figure}" if text == "N/A" else f"published as {text} {_UNITS[figure]}"
        for figure, text in missing.items()
    ]
    return Measurement(status, timing, memory, Failure("MissingResult", "; ".join(messages)))


def _failure(text: str) -> Failure | None:
    """Take a reason apart, so that its text is again the one printed."""
    if text == "None":
        return None
    error_type, _, message = text.partition(": ")
    return Failure(error_type, message)
