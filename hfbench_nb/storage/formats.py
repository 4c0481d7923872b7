"""The formats of journals, and how each is read today.

1
    Version 0.1.0, November 2026: one environment per file; a line had a ``cell`` without settings, which are among the
    arguments in the head, and all notes on a measurement in its ``details``.
2
    Settings in each case; several environments, one of which each line refers to; typed fields of a measurement.
3
    A line per round of a case, whose number is in its measurement; readings of the reference.
4
    What code relies on has left the ``details`` of a measurement and of its memory for fields of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hfbench_nb.arguments.sweep import completed
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.decoding import make
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.storage import older_measurements

NEWEST = 4
_READ = (1, 2, 3, 4)


@dataclass(frozen=True)
class Head:
    """The first line of a journal; see `hfbench_nb.storage.journal.Contents`.

    Attributes
    ----------
    environments
        Grows while lines of format 1 are read: added results of several runs had one merged environment.
    """

    format: int
    environments: list[dict[str, Any]]
    arguments: dict[str, Any]
    configurations: dict[str, Any]


def read_head(data: dict[str, Any]) -> Head:
    """Read the first line of a journal.

    Raises
    ------
    ValueError, KeyError, TypeError
        If its form is unknown.
    """
    number = data["hfbench_nb_format"]
    if number not in _READ:
        raise ValueError(f"it has format {number!r}; this version reads {', '.join(map(str, _READ))}")
    environments = [data["environment"]] if number == 1 else data["environments"]
    if not isinstance(environments, list):
        raise ValueError("environments are not a list")
    facts = [_facts(environment, "an environment") for environment in environments]
    return Head(
        number, facts, _facts(data["arguments"], "arguments"), _facts(data.get("configurations", {}), "configurations")
    )


def read_entry(head: Head, data: dict[str, Any]) -> tuple[Case, Measurement, int]:
    """Read one of the further lines of a journal: case, measurement, and number of its environment.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it does not have the form given by the head, or no measurement can have such values.
    """
    if head.format == 1:
        case = make(Case, data["cell"])
        old, versions = older_measurements.of_format_1(data["measurement"])
        measurement = Measurement.from_dict(older_measurements.of_format_3(old))
        arguments = head.arguments | _settings_of_format_1(old["details"])
        return completed(case, arguments), measurement, _environment_of_format_1(head.environments, versions)
    number = data["environment"]
    if type(number) is not int or number < 0:
        raise ValueError(f"environment cannot be {number!r}")
    if number >= len(head.environments):  # the head is damaged: what was measured is kept, without it
        number = len(head.environments)
        head.environments.append({})
    case = make(Case, data["case"])
    # An axis that was added later has its default; unknown settings stay unknown.
    case = completed(case, {**head.arguments, **case.settings}) if case.settings else case
    written = data["measurement"]
    return case, Measurement.from_dict(written if head.format > 3 else older_measurements.of_format_3(written)), number


def _facts(data: Any, name: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{name} cannot be a {type(data).__name__}")
    return data


def _settings_of_format_1(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings recorded in a measurement: the arguments of added results belong to only one of the runs."""
    settings: dict[str, Any] = {}
    if isinstance(details.get("dtype"), str):
        settings |= {"dtype": details["dtype"], "fp16": False}
    if "mode" in details:
        settings |= {"eager_mode": details["mode"] == "eager", "use_xla": details["mode"] == "xla"}
    return settings


def _environment_of_format_1(environments: list[dict[str, Any]], versions: Mapping[str, str]) -> int:
    """Return the number of the environment with these versions, added if it differs from the known ones."""
    for number, environment in enumerate(environments):
        if all(environment.get(name) == version for name, version in versions.items()):
            return number
    first = environments[0]
    told = {name: version for name, version in versions.items() if _is_told(first.get(name), version)}
    if not told:
        return 0
    environments.append({**first, **told})
    return len(environments) - 1


def _is_told(fact: Any, version: str) -> bool:
    return isinstance(fact, list) and version in fact
