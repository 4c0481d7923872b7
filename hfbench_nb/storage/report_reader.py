"""Reading text reports: the original's, those of the old documentation, and ours."""

from __future__ import annotations

import dataclasses
import html
import re
import textwrap
from typing import Any

from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.measurement import STATUSES, Measurement
from hfbench_nb.protocol.tasks import TASKS, TRAINING
from hfbench_nb.storage.report_cases import NUMBER, UNITS, Row, attribute, measurement_of, number_of

# Prefix of the continuation lines of a reason; see `hfbench_nb.display.report`.
INDENT = "    "

_SECTION = re.compile(r"(.+) - (.+) - RESULTS?")
_READ = "of a report, only the speed and the memory of models are read"
_ENVIRONMENT = "ENVIRONMENT INFORMATION"
_FACT = re.compile(r"- ([^:]+): ?(.*)")
_REASON = re.compile(
    r"N/A: (.+?), (\w+), batch size ([1-9][0-9]{0,8}), sequence length ([1-9][0-9]{0,8}): "
    rf"({'|'.join(STATUSES)}): (.*)"
)
_WHOLE = re.compile(r"[1-9][0-9]{0,8}")
_BELOW = re.compile(rf"<\s*{NUMBER.pattern}")
_ESCAPED = re.compile(r"&lt;\s*[0-9]|&gt;&gt;")
# A table has a rule above its headings, one below them and one at its end.
_RULES = 3

Entry = tuple[Case, Measurement]


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
    found = attribute(reader.tables, reader.problems)
    cases = list(dict.fromkeys([*(case for results in found.values() for case in results), *reader.reasons]))
    if not cases:
        raise ArgumentError(
            "text holds no benchmark's report. Looked for sections headed INFERENCE or TRAIN (or another task) - SPEED "
            "or MEMORY - RESULT with rows of model name, batch size, sequence length and result, as print(results) "
            "gives them."
        )
    metrics = {metric: any(key[1] == metric for key in reader.tables) for metric in UNITS}
    arguments = {**metrics, "env_print": bool(reader.environment)}
    framework = _framework(reader.environment)
    entries = [
        (dataclasses.replace(case, framework=framework), measurement_of(case, found, reader.reasons)) for case in cases
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
        section = _section(title)
        if section is not None:
            return self._open(line, section)
        if self._reason is not None and self._continues(content):
            self._reason.append(content[len(INDENT) :])
        elif stripped.startswith(("====", "```")):
            self._open_other()
            if _SECTION.fullmatch(title):
                self.problems.append(f"line {line}: the section {title} is left out; {_READ}.")
        elif isinstance(self._section, tuple):
            self._take_in_table(line, stripped, self._section)
        elif self._section == _ENVIRONMENT and (fact := _FACT.fullmatch(stripped)):
            self.environment[fact[1].strip()] = _value(fact[1].strip(), fact[2].strip())
        return True

    def _continues(self, content: str) -> bool:
        """Return whether a line continues the reason above it (blanks at the end of lines may be lost in pasting)."""
        return (not content or content.startswith(INDENT)) and not _REASON.fullmatch(content.strip())

    def _open(self, line: int, section: tuple[str, str] | str) -> bool:
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
        elif (reason := _REASON.fullmatch(stripped)) and reason[2] == section[0]:
            case = Case("", reason[1], reason[2], int(reason[3]), int(reason[4]))
            # The table of memory repeats the reasons in the table of times.
            self._reason = [reason[6]]
            self.reasons.setdefault(case, (reason[5], self._reason))
        elif self._rules < _RULES and (row := _row(line, stripped, section[0])):
            if _is_result(row.result):
                self.tables[section].append(row)
            else:
                self.problems.append(f"line {line} is left out, its result is neither a number nor N/A: {stripped!r}")


def _section(title: str) -> tuple[str, str] | str | None:
    """Return the task and the metric of a section, or that it is the environment; None for any other line."""
    heading = _SECTION.fullmatch(title)
    if heading is None:
        return _ENVIRONMENT if title == _ENVIRONMENT else None
    tasks = {"TRAINING": TRAINING, **{task.report_word.upper(): task.name for task in TASKS if task.has_sizes}}
    task, metric = tasks.get(heading[1]), heading[2].lower()
    return None if task is None or metric not in UNITS else (task, metric)


def _row(line: int, stripped: str, task: str) -> Row | None:
    """Read a row from the right, as a model's name may contain blanks; return None if the line is not a row."""
    parts = re.sub(r"<\s+(\S+)$", r"<\1", stripped).rsplit(None, 3)
    if len(parts) != 4 or not _WHOLE.fullmatch(parts[1]) or not _WHOLE.fullmatch(parts[2]):
        return None
    case = Case("", parts[0], task, int(parts[1]), int(parts[2]))
    return Row(line, stripped, case, parts[3].replace("<", "< "))


def _is_result(text: str) -> bool:
    return text == "N/A" or _BELOW.fullmatch(text) is not None or number_of(text) is not None


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
    return next((known.name for known in FRAMEWORKS if known.name.lower() == name.lower()), name)
