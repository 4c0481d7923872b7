"""The cells that two runs have in common, and the ratios of their figures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.records import Cell, Measurement

if TYPE_CHECKING:
    from hfbench_nb.facade.benchmark_results import BenchmarkResults

Key = tuple[str, str, int | None, int | None]


@dataclass(frozen=True)
class Side:
    """One cell of one of the two runs; `label` names its model as in tables and plots."""

    label: str
    cell: Cell
    measurement: Measurement

    def __str__(self) -> str:
        return str(dataclasses.replace(self.cell, model=self.label))


@dataclass(frozen=True)
class Pair:
    """The same cell in both runs."""

    this: Side
    other: Side

    @property
    def time_ratio(self) -> float:
        """Median time of this over that of the other; NaN where one has none."""
        this, other = self.this.measurement.timing, self.other.measurement.timing
        return math.nan if this is None or other is None else _ratio(this.median_s, other.median_s)

    @property
    def time_interval(self) -> tuple[float, float]:
        """95 % interval of `time_ratio`; NaN where the samples of one are not known."""
        this, other = self.this.measurement.timing, self.other.measurement.timing
        if this is None or other is None:
            return math.nan, math.nan
        return ratio_interval((this.median_s, *this.interval_s), (other.median_s, *other.interval_s))

    @property
    def time_differs(self) -> bool | None:
        """Whether the interval leaves 1 out; None where there is none."""
        low, high = self.time_interval
        return None if math.isnan(low) else not low <= 1 <= high

    @property
    def memory_ratio(self) -> float:
        """Peak memory of this over that of the other; NaN where one has none."""
        this, other = self.this.measurement.memory, self.other.measurement.memory
        return math.nan if this is None or other is None else _ratio(this.peak_bytes, other.peak_bytes)


def match_cells(
    results: BenchmarkResults, other: BenchmarkResults, models: Mapping[str, str]
) -> tuple[list[Pair], list[Side], list[Side]]:
    """Pair the cells of two runs by model, task, batch size and sequence length.

    Parameters
    ----------
    results, other
        The two runs.
    models
        Names of models in the first with their names in the other.

    Returns
    -------
    tuple of list
        The pairs, and the cells that each run has alone.

    Raises
    ------
    ArgumentError
        If nothing matches, `models` names a model that is not there, or a cell could have several partners.
    """
    mine, theirs = _sides(results), _sides(other)
    translated = _translate({side.cell.model for side in mine}, {side.cell.model for side in theirs}, models)
    known: dict[Key, list[Side]] = {}
    for side in theirs:
        known.setdefault(_key(side.cell, side.cell.model), []).append(side)
    pairs, alone = [], []
    for side in mine:
        candidates = known.get(_key(side.cell, translated.get(side.cell.model, "")))
        if candidates:
            pairs.append(Pair(side, _partner(side, candidates)))
        else:
            alone.append(side)
    if not pairs:
        raise ArgumentError(
            f"The two runs have no cell in common: {_describe(mine)} here, {_describe(theirs)} there. Cells match by "
            "model, task, batch size and sequence length; models={'name here': 'name there'} matches names that differ."
        )
    taken = {id(pair.other) for pair in pairs}
    return pairs, alone, [side for side in theirs if id(side) not in taken]


def ratio_interval(this: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float]:
    """Give the 95 % confidence interval of a ratio of medians.

    Parameters
    ----------
    this, other
        Median, and lower and upper end of its 95 % interval, in the same unit.

    Returns
    -------
    tuple of float
        Lower and upper end; NaN where one of the two intervals is not known.

    Notes
    -----
    The two intervals are combined on the logarithmic scale as G. Y. Zou and A. Donner, "Construction of confidence
    limits about effect measures: a general approach", Statistics in Medicine 27 (2008) 1693-1702, combine those of any
    two independent estimates; for medians cf. R. M. Price and D. G. Bonett, "Distribution-free confidence intervals for
    difference and ratio of medians", Journal of Statistical Computation and Simulation 72 (2002) 119-124.  It holds for
    the noise within the two runs, not for what changes from one run to the next.
    """
    if any(math.isnan(value) for value in (*this, *other)):
        return math.nan, math.nan
    (a, a_low, a_high), (b, b_low, b_high) = (tuple(map(_log, interval)) for interval in (this, other))
    low = a - b - math.hypot(a - a_low, b_high - b)
    high = a - b + math.hypot(a_high - a, b - b_low)
    return math.exp(low), math.exp(high)


def _log(value: float) -> float:
    """Give the logarithm; few samples can have an interval that reaches below zero, which bounds nothing."""
    return math.log(value) if value > 0 else -math.inf


def _ratio(this: float, other: float) -> float:
    return this / other if other > 0 else math.nan


def _sides(results: BenchmarkResults) -> list[Side]:
    return [Side(label, *entry) for label, entry in zip(results.labels, results.entries, strict=True)]


def _key(cell: Cell, model: str) -> Key:
    return model, cell.task, cell.batch_size, cell.sequence_length


def _translate(mine: set[str], theirs: set[str], given: Mapping[str, str]) -> dict[str, str]:
    """Give the other's name of each model: as told, the same, or the same but for organisation and capitals."""
    for here, there in given.items():
        for name, allowed in ((here, mine), (there, theirs)):
            if name not in allowed:
                raise wrong_value("models", dict(given), f"of {', '.join(sorted(mine))} to {', '.join(sorted(theirs))}")
    plain: dict[str, list[str]] = {}
    for name in sorted(theirs):
        plain.setdefault(_plain(name), []).append(name)
    names = {}
    for name in mine:
        close = plain.get(_plain(name), [])
        if name in given:
            names[name] = given[name]
        elif name in theirs:
            names[name] = name
        elif len(close) == 1:
            names[name] = close[0]
    return names


def _plain(name: str) -> str:
    return name.rsplit("/", 1)[-1].lower()


def _partner(side: Side, candidates: list[Side]) -> Side:
    if len(candidates) > 1:
        candidates = [c for c in candidates if c.cell.framework == side.cell.framework] or candidates
    if len(candidates) > 1:
        labels = ", ".join(candidate.label for candidate in candidates)
        raise ArgumentError(f"other has the cell {side.cell} {len(candidates)} times ({labels}): compare with one run.")
    return candidates[0]


def _describe(sides: Sequence[Side]) -> str:
    """Say in few words what a run holds."""
    if not sides:
        return "nothing"
    models = sorted({side.cell.model for side in sides})
    tasks = sorted({side.cell.task for side in sides})
    sizes = (
        sorted({getattr(side.cell, size) for side in sides} - {None}) for size in ("batch_size", "sequence_length")
    )
    batch_sizes, lengths = (", ".join(map(str, found)) or "none" for found in sizes)
    named = ", ".join(models[:5]) + ", …" * (len(models) > 5)
    return f"{named} ({', '.join(tasks)}; batch sizes {batch_sizes}; sequence lengths {lengths})"
