"""The largest size that fits, from the sizes that were tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hfbench_nb.arguments.sweep import known_axes
from hfbench_nb.protocol.case import SIZE_NAMES, Case, Settings
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.measurement import MEGABYTE, Measurement
from hfbench_nb.results.result_set import ResultSet, Row

ARGUMENT = "find_largest"
"""Under which name the arguments of results hold what was looked for."""


@dataclass(frozen=True)
class Size:
    """A size whose largest value can be looked for.

    Attributes
    ----------
    name
        Its name, that of a size of the input or of an axis.
    argument
        The argument that has its values.
    minimum
        Its smallest value.
    task
        The only task that has it; empty if every task has.
    """

    name: str
    argument: str
    minimum: int = 1
    task: str = ""

    def of(self, case: Case) -> int:
        """Return its value in a case."""
        return int(case.sizes_by_name.get(self.name) or case.settings.get(self.name) or 0)

    def set(self, case: Case, size: int) -> Case:
        """Return a case with another value of it."""
        if self.name in SIZE_NAMES:
            changed: dict[str, Any] = {self.name: size}
            return replace(case, **changed)
        return replace(case, settings=Settings({**case.settings, self.name: size}))

    def concerns(self, case: Case) -> bool:
        """Return whether a case has it."""
        return self.task in ("", case.task)

    def group_of(self, case: Case) -> Case:
        """Return what cases that differ only in this size have in common."""
        return self.set(case, 0)


def sizes() -> dict[str, Size]:
    """Return the sizes whose largest values can be looked for, by name: those of the input, and axes that are sizes."""
    of_input = [Size(name, f"{name}s") for name in SIZE_NAMES]
    of_axes = [Size(name, name, axis.minimum, axis.task) for name, axis in known_axes().items() if axis.is_size]
    return {size.name: size for size in (*of_input, *of_axes)}


@dataclass(frozen=True)
class Hunt:
    """What is looked for.

    Attributes
    ----------
    what
        The size, a key of `sizes`.
    limit_mb
        How much memory a case may need, MB of 2^20 bytes.
    maximum
        The largest size to try.
    """

    what: str
    limit_mb: float
    maximum: int

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Hunt:
        """Return what was looked for in a run.

        Raises
        ------
        ArgumentError
            If it was no such run.
        """
        if not arguments.get(ARGUMENT):
            raise ArgumentError("These results do not come from a search: find_largest makes one.")
        return cls(**arguments[ARGUMENT])

    @property
    def size(self) -> Size:
        """The size that is looked for."""
        return sizes()[self.what]


def needed_mb(measurement: Measurement) -> float | None:
    """Return what a probe needed, MB; None if its memory ran out."""
    return None if measurement.memory is None else measurement.memory.peak_bytes / MEGABYTE


@dataclass(frozen=True)
class Found:
    """The largest size of a group of cases that differ in nothing else.

    Attributes
    ----------
    probes
        The rows that were tried, the smallest size first.
    largest
        The row of the largest size that fits; None if none does.
    limited_by
        Why there is no larger one: ``memory``, ``maximum``, or the reason for which the next size fails.
    """

    probes: tuple[Row, ...]
    largest: Row | None
    limited_by: str


def found_in(results: ResultSet, hunt: Hunt) -> list[Found]:
    """Return the largest size of each group of cases."""
    groups: dict[Case, list[Row]] = {}
    for row, label in zip(results.rows, results.labels_without([hunt.what]), strict=True):
        groups.setdefault(hunt.size.group_of(row.case), []).append(replace(row, label=label))
    return [_found(sorted(rows, key=lambda row: hunt.size.of(row.case)), hunt) for rows in groups.values()]


def _found(probes: list[Row], hunt: Hunt) -> Found:
    fitting = [row for row in probes if _fits(row, hunt)]
    largest = fitting[-1] if fitting else None
    size = hunt.size.minimum - 1 if largest is None else hunt.size.of(largest.case)
    after = next((row for row in probes if hunt.size.of(row.case) > size), None)
    return Found(tuple(probes), largest, _limited_by(after, size, hunt))


def _fits(row: Row, hunt: Hunt) -> bool:
    needed = needed_mb(row.measurement)
    return row.measurement.succeeded and needed is not None and needed <= hunt.limit_mb


def _limited_by(after: Row | None, size: int, hunt: Hunt) -> str:
    if after is None:
        return "maximum" if size >= hunt.maximum else "not finished"
    if after.measurement.succeeded or after.measurement.status == "oom":
        return "memory" if hunt.size.of(after.case) == size + 1 else "not finished"
    return str(after.measurement.failure)
