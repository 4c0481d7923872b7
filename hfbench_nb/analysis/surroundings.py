"""Where and when two runs were measured: other machines and versions, and what the machine itself did meanwhile."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hfbench_nb.analysis.ratios import Pair
from hfbench_nb.arguments.sweep import known_axes
from hfbench_nb.protocol.round_stats import independent_ratio, shrunk_ratio
from hfbench_nb.results.result_set import Row

_MACHINE = (
    "system", "cpu_model", "cpu_logical_cores", "usable_cores", "container_cpu_limit", "cpu_ram_mb",
    "container_ram_limit_mb", "gpu", "gpu_ram_mb",
)  # fmt: skip
_VERSIONS = (
    "framework", "framework_version", "transformers_version", "python_version", "kernel", "hfbench_nb_version"
)  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """A fact about machine or versions that differs between two runs."""

    name: str
    this: Any
    other: Any


def differing_facts(pairs: Iterable[Pair]) -> list[Difference]:
    """Return the facts in which the machines or the versions of any pair differ, each once."""
    found: dict[tuple[str, str, str], Difference] = {}
    for pair in pairs:
        for name in (*_MACHINE, *_VERSIONS):
            this, other = (row.environment.get(name) for row in (pair.this, pair.other))
            if this is not None and other is not None and this != other:
                found.setdefault((name, str(this), str(other)), Difference(name, this, other))
    return sorted(found.values(), key=lambda each: (*_MACHINE, *_VERSIONS).index(each.name))


@dataclass(frozen=True)
class Slowdown:
    """How many times slower the machine was during one of two runs than during the other.

    Attributes
    ----------
    value
        What its own reference piece of work says, nearer to 1 the less certain that is; 1 where nothing is known.
    is_certain
        Whether the 95 % interval of the reference's ratio excludes 1.
    """

    value: float = 1.0
    is_certain: bool = False


def machine_slowdown(pairs: Sequence[Pair]) -> Slowdown:
    """Return how many times slower the machine was during *this*.

    The readings of the reference beside the rounds of both runs are compared, where they are of the same machine,
    device and number of threads (`hfbench_nb.protocol.round_stats.shrunk_ratio`).
    """
    these_s: list[float] = []
    others_s: list[float] = []
    for pair in pairs:
        if _is_same_place(pair.this, pair.other):
            these_s += _references_s(pair.this)
            others_s += _references_s(pair.other)
    value = shrunk_ratio(these_s, others_s)
    if math.isnan(value):
        return Slowdown()
    return Slowdown(value, bool(independent_ratio(these_s, others_s).excludes_one))


def _is_same_place(this: Row, other: Row) -> bool:
    # Two published or added runs whose facts are unknown have no readings either.
    same_machine = all(this.environment.get(name) == other.environment.get(name) for name in _MACHINE)
    names = [name for name, axis in known_axes().items() if axis.is_machine]
    same_way = this.settings.only(names) == other.settings.only(names)
    return same_machine and same_way and this.case.framework == other.case.framework


def _references_s(row: Row) -> list[float]:
    """Return the median reading of the reference in each round, seconds."""
    timings = [part.timing for part in row.measurement.each_round if part.timing is not None]
    return [statistics.median(timing.reference_s) for timing in timings if timing.reference_s]
