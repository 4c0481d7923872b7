"""Where and when two runs were measured: other machines and versions, and what the machine itself did meanwhile."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hfbench_nb.analysis.ratios import Pair
from hfbench_nb.protocol.round_stats import independent_ratio
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


def machine_slowdown(pairs: Sequence[Pair]) -> float:
    """Return how many times slower the machine was during *this*, by its own reference piece of work; 1 if not.

    The readings of the reference beside the rounds of both runs are compared, where they are of the same machine,
    device and number of threads.  A ratio whose 95 % interval contains 1 counts as 1.
    """
    these_s: list[float] = []
    others_s: list[float] = []
    for pair in pairs:
        if _is_same_place(pair.this, pair.other):
            these_s += _references_s(pair.this)
            others_s += _references_s(pair.other)
    ratio = independent_ratio(these_s, others_s)
    return ratio.value if ratio.excludes_one else 1.0


def _is_same_place(this: Row, other: Row) -> bool:
    # Two published or added runs whose facts are unknown have no readings either.
    same_machine = all(this.environment.get(name) == other.environment.get(name) for name in _MACHINE)
    same_way = all(this.settings.get(name) == other.settings.get(name) for name in ("device", "threads", "huge_pages"))
    return same_machine and same_way and this.case.framework == other.case.framework


def _references_s(row: Row) -> list[float]:
    """Return the median reading of the reference in each round, seconds."""
    timings = [part.timing for part in row.measurement.each_round if part.timing is not None]
    return [statistics.median(timing.reference_s) for timing in timings if timing.reference_s]
