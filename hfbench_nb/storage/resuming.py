"""Resuming a run: which cases of its journal are kept, and whether they were measured as they would be now."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from hfbench_nb.arguments.fields import axes_of, measured_arguments
from hfbench_nb.protocol.case import HOST, Case, Settings
from hfbench_nb.storage.journal import Contents, Entry

# Facts of an environment that change over time, are compared elsewhere, or repeat an argument.
FREE_FACTS = frozenset({
    "date", "time", "gpu_performance_state", "configurations_from", "python_executable", "fp16",
    "transparent_huge_pages",
})  # fmt: skip
# Facts that are the same in every place of a machine.
_MACHINE_FACTS = (
    "system", "architecture", "cpu_ram_mb", "cpu_model", "cpu_cores", "cpu_logical_cores", "usable_cores",
    "container_ram_limit_mb", "container_cpu_limit", "kernel",
)  # fmt: skip

# What a case can end with that is found out by measuring it, and no accident.
_FINDINGS = frozenset({"ok", "oom", "timeout"})

_ABSENT = object()
_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 200


def kept(before: Contents, cases: Iterable[Case], timeout_s: float) -> dict[Case, list[Entry]]:
    """Return the rounds of each case that need not be measured again.

    These are the rounds that were measured, those that ran out of memory, and those that ran out of time, unless they
    have more time now. One that was cancelled, that failed or whose process died is measured again: the cause may
    no longer exist.
    """
    final = set(_FINDINGS)
    if timeout_s > before.arguments.get("timeout_s", 0.0):
        final.remove("timeout")
    found: dict[Case, dict[int, Entry]] = {case: {} for case in cases}
    for entry in before.entries:
        if entry.case in found and entry.measurement.status in final:
            found[entry.case][entry.measurement.round] = entry
    return {case: [*rounds.values()] for case, rounds in found.items() if rounds}


def differences(before: Contents, now: Contents, kind: Any, places: list[Settings]) -> list[str]:
    """Return what would be measured differently from when a journal was written: name, value in the journal, value now.

    Parameters
    ----------
    before
        The journal.
    now
        Environments, arguments and configurations of this run.
    kind
        The dataclass of the arguments.
    places
        The settings that determine each environment of this run, in the same order.
    """
    found = _compare("", measured_arguments(kind, before.arguments), measured_arguments(kind, now.arguments))
    hosts = [environments[0].get(HOST, "none") for environments in (before.environments, now.environments)]
    if before.entries and hosts.count("none") == 1:  # a run on a cluster, and one without
        found.append(f"host ({hosts[0]!r} in the journal, {hosts[1]!r} now)")
    # A fact that repeats an axis is part of the cases; where the axis has its default, it is the worker's choice.
    set_axes = {
        axis.fact or name
        for name, axis in axes_of(kind).items()
        if any(_is_set(each.arguments, name) for each in (before, now))
    }
    # Where every case failed, perhaps because the place could not be used, nothing was measured otherwise.
    measured = [entry for entry in before.entries if entry.measurement.status in _FINDINGS]
    for number in sorted({entry.environment for entry in measured}):
        environment = before.environments[number]
        entry = next(entry for entry in measured if entry.environment == number)
        place = Settings({**entry.case.settings, **entry.measurement.resolved.only([HOST])}).only(axis_names(places))
        if place in places:
            found += _compare("", environment, now.environments[places.index(place)], FREE_FACTS | set_axes)
        else:
            elsewhere = environment.keys() | now.environments[0].keys()
            found += _compare("", environment, now.environments[0], elsewhere - {*_MACHINE_FACTS})
    for model in dict.fromkeys(e.case.model for e in before.entries if e.case.model in now.configurations):
        what = f"configuration of {model!r}"
        if model not in before.configurations:
            found.append(f"{what} (absent in the journal)")
        else:
            found += _compare(f"{what}: ", before.configurations[model], now.configurations[model])
    return list(dict.fromkeys(found))


def axis_names(places: Iterable[Settings]) -> set[str]:
    """Return the names of the axes that distinguish places."""
    return {name for settings in places for name in settings}


def _is_set(arguments: Mapping[str, Any], name: str) -> bool:
    return arguments.get(name) not in (None, False, "auto")


def _compare(
    prefix: str, before: Mapping[str, Any], now: Mapping[str, Any], leave_out: Iterable[str] = ()
) -> list[str]:
    before, now = _as_read(before), _as_read(now)
    names = [name for name in dict.fromkeys([*before, *now]) if name not in leave_out]
    return [
        f"{prefix}{name} ({_text(before, name)} in the journal, {_text(now, name)} now)"
        for name in names
        if before.get(name, _ABSENT) != now.get(name, _ABSENT)
    ]


def _as_read(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return data as it comes back from a journal."""
    read: dict[str, Any] = json.loads(json.dumps(data, default=str))
    return read


def _text(data: Mapping[str, Any], name: str) -> str:
    return _brief.repr(data[name]) if name in data else "absent"
