"""Reading text reports: the original's, those of the old documentation, and ours."""

from __future__ import annotations

import dataclasses
import html
import math
import re
import textwrap
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.measurement import LARGEST_VALUE, MEGABYTE, STATUSES, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

# Prefix of the continuation lines of a reason; see `hfbench_nb.display.report`.
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
# A table has a rule above its headings, one below them and one at its end.
_RULES = 3

Entry = tuple[Case, Measurement]


@dataclass(frozen=True)
class Row:
    """A row of a table: its line number, starting at 1, its text, its case, and the result as printed."""

    line: int
    text: str
    case: Case
    result: str


def read_report(text: str) -> tuple[list[Entry], dict[str, Any], dict[str, Any], list[str]]:
    """Read a report.

    Returns
    -------
    entries : list
        The cases in the order printed.
    environment : dict
        The list of facts; numbers, flags and None where the text reads so, otherwise text.
    arguments : dict
        ``speed`` and ``memory``: whether there are such tables; ``env_print``: whether there is an environment.
    problems : list of str
        Messages about what had to be left out or read differently from the printed text.

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
    cases = list(dict.fromkeys([*(case for results in found.values() for case in results), *reader.reasons]))
    if not cases:
        raise ArgumentError(
            "text holds no benchmark's report. Looked for sections headed INFERENCE or TRAIN - SPEED or MEMORY - "
            "RESULT with rows of model name, batch size, sequence length and result, as print(results) gives them."
        )
    metrics = {metric: any(key[1] == metric for key in reader.tables) for metric in _UNITS}
    arguments = {**metrics, "env_print": bool(reader.environment)}
    framework = _framework(reader.environment)
    entries = [
        (dataclasses.replace(case, framework=framework), _measurement(case, found, reader.reasons)) for case in cases
    ]
    return entries, reader.environment, arguments, reader.problems


def _lines(text: str) -> list[str]:
    """Return the lines without what pasting added: escapes, quoting marks, common indentation."""
    if _ESCAPED.search(text):
        text = html.unescape(text)
    # Only these end a line: a failure's message may contain the rarer line ends that str.splitlines recognises.
    lines = textwrap.dedent(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return [re.sub(r"^>{1,3} ?", "", line).rstrip() for line in lines]


class _Reader:
    """Reads a report line by line and collects its contents.

    Attributes
    ----------
    tables
        The rows of each table, by task and metric.
    reasons
        Status and reason of the cases that have a reason.
    environment
        The facts by name.
    problems
        Messages about what could not be read.
    """

    def __init__(self) -> None:
        self.tables: dict[tuple[str, str], list[Row]] = {}
        self.reasons: dict[Case, tuple[str, list[str]]] = {}
        self.environment: dict[str, Any] = {}
        self.problems: list[str] = []
        self._section: tuple[str, str] | str | None = None
        self._rules = 0
        self._reason: list[str] | None = None

    def take(self, line: int, content: str) -> bool:
        """Read a line; return whether to continue."""
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
        """Return whether a line continues the reason above it (blanks at the end of lines may be lost in pasting)."""
        return (not content or content.startswith(INDENT)) and not _REASON.fullmatch(content.strip())

    def _open(self, line: int, heading: re.Match[str] | None) -> bool:
        section: tuple[str, str] | str = _ENVIRONMENT
        if heading is not None:
            section = ("inference" if heading[1] == "INFERENCE" else "training", heading[2].lower())
        if section in self.tables or (section == _ENVIRONMENT and self.environment):
            # Two runs in one text (a page of documentation, a report printed twice): their cases must not be mixed.
            self.problems.append(f"line {line}: another report starts here; only the first is read.")
            return False
        self._open_other()
        self._section = section
        if isinstance(section, tuple):
            self.tables[section] = []
        return True

    def _open_other(self) -> None:
        """Start a part of the text that is not read: memory line by line, text around the report."""
        self._section, self._rules, self._reason = None, 0, None

    def _take_in_table(self, line: int, stripped: str, section: tuple[str, str]) -> None:
        self._reason = None
        if stripped.startswith("----") and not stripped.strip("-"):
            self._rules += 1
        elif reason := _REASON.fullmatch(stripped):
            case = Case("", reason[1], reason[2], int(reason[3]), int(reason[4]))
            # The table of memory repeats the reasons in the table of times.
            self._reason = [reason[6]]
            self.reasons.setdefault(case, (reason[5], self._reason))
        elif self._rules < _RULES and (row := _row(line, stripped, section[0])):
            if _is_result(row.result):
                self.tables[section].append(row)
            else:
                self.problems.append(f"line {line} is left out, its result is neither a number nor N/A: {stripped!r}")


def _row(line: int, stripped: str, task: str) -> Row | None:
    """Read a row from the right, as a model's name may contain blanks; return None if the line is not a row."""
    parts = re.sub(r"<\s+(\S+)$", r"<\1", stripped).rsplit(None, 3)
    if len(parts) != 4 or not _WHOLE.fullmatch(parts[1]) or not _WHOLE.fullmatch(parts[2]):
        return None
    case = Case("", parts[0], task, int(parts[1]), int(parts[2]))
    return Row(line, stripped, case, parts[3].replace("<", "< "))


def _is_result(text: str) -> bool:
    return text == "N/A" or _BELOW.fullmatch(text) is not None or _number(text) is not None


def _number(text: str) -> float | None:
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if number <= LARGEST_VALUE else None


def _value(name: str, text: str) -> Any:
    """Convert the text of a fact to the printed value; a version stays text, since 1.10 is not 1.1."""
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


# ---- from rows to cases


def _attribute(tables: dict[tuple[str, str], list[Row]], problems: list[str]) -> dict[str, dict[Case, str]]:
    """Return each metric's results as printed, by case; rows that cannot be attributed with certainty are left out."""
    found: dict[str, dict[Case, str]] = {metric: {} for metric in _UNITS}
    for (task, metric), rows in tables.items():
        other = tables.get((task, "memory" if metric == "speed" else "speed"), [])
        for model in dict.fromkeys(row.case.model for row in rows):
            of_model = [row for row in rows if row.case.model == model]
            places = [row.case for row in other if row.case.model == model]
            found[metric] |= _attribute_rows(of_model, places, problems)
    return found


def _attribute_rows(rows: list[Row], places: list[Case], problems: list[str]) -> dict[Case, str]:
    """Attribute the rows of one model in one table.

    A case that occurs twice is a typing error, as in the old documentation. Both tables of a run are printed in the
    same order, so the other table (`places`) can show which row was meant.
    """
    times = Counter(row.case for row in rows)
    if len(times) == len(rows):
        return {row.case: row.result for row in rows}
    if _fit(rows, places, times):
        problems.extend(
            f"line {row.line} is read as batch size {case.batch_size}, sequence length {case.sequence_length}, as "
            f"at this position of the other table; the printed case occurs twice: {row.text!r}"
            for row, case in zip(rows, places, strict=True)
            if row.case != case
        )
        return {case: row.result for row, case in zip(rows, places, strict=True)}
    results: dict[Case, set[str]] = {}
    for row in rows:
        results.setdefault(row.case, set()).add(row.result)
    kept: dict[Case, str] = {}
    for row in rows:
        if len(results[row.case]) == 1 and row.case not in kept:
            kept[row.case] = row.result
        else:
            problems.append(f"line {row.line} is left out, its case occurs twice: {row.text!r}")
    return kept


def _fit(rows: list[Row], places: list[Case], times: Counter[Case]) -> bool:
    """Return whether the rows are those of `places`, except for cases that occur twice."""
    if len(places) != len(rows) or len(set(places)) < len(places):
        return False
    in_place = {row.case for row, place in zip(rows, places, strict=True) if row.case == place}
    misplaced = [row.case for row, place in zip(rows, places, strict=True) if row.case != place]
    return all(case in in_place and times[case] > 1 for case in misplaced)


def _measurement(
    case: Case, found: dict[str, dict[Case, str]], reasons: dict[Case, tuple[str, list[str]]]
) -> Measurement:
    printed = {metric: results[case] for metric, results in found.items() if case in results}
    metrics = {metric: _number(text) or None for metric, text in printed.items()}
    time_s, memory_mb = metrics.get("speed"), metrics.get("memory")
    timing = None if time_s is None else Timing((time_s,))
    memory = None if memory_mb is None else MemoryUse("read from a report", round(memory_mb * MEGABYTE))
    if case in reasons:
        status, lines = reasons[case]
        return Measurement(status, timing, memory, _failure("\n".join(lines).rstrip()))
    missing = {metric: text for metric, text in printed.items() if metrics[metric] is None}
    if not missing:
        return Measurement("ok", timing, memory)
    # "< 0.001" is an upper bound, and zero is a result of rounding: neither becomes a number, but the case was
    # measured, so its status is "ok", and the reason says what was printed. The same applies to N/A next to a metric:
    # the original printed it for the memory of all cases if NVML was not installed. A case with nothing but N/A has
    # failed.
    status = "error" if all(text == "N/A" for text in printed.values()) else "ok"
    messages = [
        f"the report says {text!r} for {metric}" if text == "N/A" else f"published as {text} {_UNITS[metric]}"
        for metric, text in missing.items()
    ]
    return Measurement(status, timing, memory, Failure("MissingResult", "; ".join(messages)))


def _failure(text: str) -> Failure | None:
    """Split a reason, so that the text of the failure is again the printed one."""
    if text == "None":
        return None
    error_type, _, message = text.partition(": ")
    return Failure(error_type, message)
