"""Where the time of a case goes, and what of it changed between two cases."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from hfbench_nb.protocol.profile import GROUPS, Operator, Profile
from hfbench_nb.results.result_set import Row

NEW, GONE, SLOWER, FASTER = "new", "gone", "slower", "faster"


class Total(NamedTuple):
    """What all operators of a name, or of a group of modules, took in the traced call."""

    name: str
    calls: int
    self_s: float
    memory_bytes: int


def by_operator(profile: Profile) -> list[Total]:
    """Return what each operator took, the most first."""
    names = dict.fromkeys(each.name for each in profile.operators)
    totals = [_total(name, (each for each in profile.operators if each.name == name)) for name in names]
    return sorted(totals, key=lambda total: -total.self_s)


def by_group(profile: Profile) -> list[Total]:
    """Return what each group of modules took, in the order of `GROUPS`; without those that took nothing."""
    totals = [_total(name, (each for each in profile.operators if each.group == name)) for name in GROUPS]
    return [total for total in totals if total.self_s > 0 or total.memory_bytes]


def _total(name: str, operators: Iterable[Operator]) -> Total:
    found = [*operators]
    spent_s = math.fsum(each.self_s for each in found)
    return Total(name, sum(each.calls for each in found), spent_s, sum(each.memory_bytes for each in found))


def call_s(row: Row) -> float:
    """Return the duration of a call of a case: its median, or that of the traced call where no other was timed."""
    profile, timing = row.measurement.profile, row.measurement.timing
    return timing.median_s if timing is not None else math.nan if profile is None else profile.traced_s


def scale_of(row: Row) -> float:
    """Return how long a call takes in relation to the traced one, which takes longer."""
    profile = row.measurement.profile
    return call_s(row) / profile.traced_s if profile is not None and profile.traced_s else math.nan


@dataclass(frozen=True)
class Change:
    """What an operator, or a group of modules, takes in two cases.

    Attributes
    ----------
    name
        The operator or the group.
    group
        The group of modules in which most of the change is.
    before_s, after_s
        What it takes in a call of either, seconds.
    calls_before, calls_after
        How often it runs.
    """

    name: str
    group: str
    before_s: float
    after_s: float
    calls_before: int
    calls_after: int

    @property
    def difference_s(self) -> float:
        """How much more it takes, seconds."""
        return self.after_s - self.before_s

    @property
    def kind(self) -> str:
        """Whether the operator is new, gone, slower or faster."""
        if not self.calls_before and self.calls_after:
            return NEW
        if self.calls_before and not self.calls_after:
            return GONE
        return SLOWER if self.difference_s >= 0 else FASTER


def operator_changes(before: Row, after: Row) -> list[Change]:
    """Return what changed between two cases with profiles, operator by operator, the largest first.

    What an operator takes is its share of the traced call, of the median of the calls that were not traced.
    """
    of_both = [_by_name_and_group(row) for row in (before, after)]
    found = []
    for name in dict.fromkeys(name for of_one in of_both for name, _ in of_one):
        groups: Counter[str] = Counter()
        for sign, of_one in zip((-1, 1), of_both, strict=True):
            for (other, group), (_, spent_s) in of_one.items():
                if other == name:
                    groups[group] += sign * spent_s  # type: ignore[assignment]
        group = max(groups, key=lambda each: abs(groups[each]))
        calls, spent = zip(*(_of_name(of_one, name) for of_one in of_both), strict=True)
        found.append(Change(name, group, *spent, *calls))
    return sorted(found, key=lambda change: -abs(change.difference_s))


def group_changes(before: Row, after: Row) -> list[Change]:
    """Return what each group of modules takes in two cases with profiles."""
    totals: list[dict[str, Total]] = []
    for row in (before, after):
        assert row.measurement.profile is not None
        totals.append({total.name: total for total in by_group(row.measurement.profile)})
    scales = (scale_of(before), scale_of(after))
    nothing = Total("", 0, 0.0, 0)
    changes = []
    for name in GROUPS:
        if any(name in of_one for of_one in totals):
            first, last = (of_one.get(name, nothing) for of_one in totals)
            spent = (first.self_s * scales[0], last.self_s * scales[1])
            changes.append(Change(name, name, *spent, first.calls, last.calls))
    return changes


_Found = dict[tuple[str, str], tuple[int, float]]


def _by_name_and_group(row: Row) -> _Found:
    profile, scale = row.measurement.profile, scale_of(row)
    assert profile is not None
    return {(each.name, each.group): (each.calls, each.self_s * scale) for each in profile.operators}


def _of_name(found: _Found, name: str) -> tuple[int, float]:
    of_it = [each for (other, _), each in found.items() if other == name]
    return sum(calls for calls, _ in of_it), math.fsum(spent_s for _, spent_s in of_it)
