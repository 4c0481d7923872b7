"""What differs between the machines of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hfbench_nb.protocol.case import HOST
from hfbench_nb.protocol.errors import shown, warn
from hfbench_nb.storage.resuming import FREE_FACTS

# Numbers that differ by less are alike: two machines of one kind do not report the same memory to the MB.
_ALIKE = 0.02


def warn_of_differences(environments: Iterable[Mapping[str, Any]], *, are_shared: bool) -> None:
    """Warn of what differs between machines.

    Parameters
    ----------
    environments
        The environments of the run, each with its ``host``.
    are_shared
        Whether each case is measured on any of the machines, so that they should be equal; if not, only different
        versions are mentioned.
    """
    hosts: dict[str, dict[str, Any]] = {}
    for environment in environments:
        if HOST in environment:
            hosts.setdefault(environment[HOST], {**environment})
    names = dict.fromkeys(name for facts in hosts.values() for name in facts)
    compared = [
        name for name in names
        if name not in FREE_FACTS and name != HOST and (are_shared or name.endswith("_version"))
    ]  # fmt: skip
    found = [
        f"{name} ({', '.join(f'{host}: {shown(facts.get(name))}' for host, facts in hosts.items())})"
        for name in compared
        if not _all_alike([facts.get(name) for facts in hosts.values()])
    ]
    if not found:
        return
    what = "The machines differ, and a case may be measured on any of them" if are_shared else "Versions differ"
    advice = ' spread="hosts" measures every case on each of them.' if are_shared else ""
    warn(f"{what}: {'; '.join(found)}.{advice}")


def _all_alike(values: list[Any]) -> bool:
    first = values[0] if values else None
    return all(_alike(first, value) for value in values)


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float) and not isinstance(one, bool):
        return abs(one - other) <= _ALIKE * max(abs(one), abs(other))
    return bool(one == other)
