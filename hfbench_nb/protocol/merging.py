"""What the rounds of a case say together.  Standard library only."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

from hfbench_nb.protocol.facts import Costs
from hfbench_nb.protocol.measurement import Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing


def merge(rounds: Sequence[Measurement]) -> Measurement:
    """Return one measurement of what came back in each round of a case.

    Parameters
    ----------
    rounds
        At least one, in any order.

    Returns
    -------
    Measurement
        Where there was one round, that round's.  Otherwise the samples of all rounds that were measured, in order;
        the memory of the round whose peak is the median one; the median of each further metric; the sum of what
        measuring took; and a note on each round that failed.  If none was measured, the first failure.
    """
    ordered = tuple(sorted(rounds, key=lambda each: each.round))
    if len(ordered) == 1:
        return ordered[0]
    measured = [each for each in ordered if each.succeeded]
    if not measured:
        return replace(ordered[0], rounds=ordered)
    first = measured[0]
    return replace(
        first,
        timing=_timing([each.timing for each in measured if each.timing is not None]),
        memory=_memory([each.memory for each in measured if each.memory is not None]),
        costs=Costs.total(each.costs for each in measured),
        note="; ".join(dict.fromkeys(filter(None, [*(each.note for each in measured), *map(_failure_note, ordered)]))),
        timings={
            name: timing
            for name in first.timings
            if (timing := _timing([each.timings[name] for each in measured if name in each.timings])) is not None
        },
        metrics={name: _median([each.metrics.get(name, math.nan) for each in measured]) for name in first.metrics},
        rounds=ordered,
    )


def _timing(rounds: Sequence[Timing]) -> Timing | None:
    if not rounds:
        return None
    return Timing(
        samples_s=tuple(sample for each in rounds for sample in each.samples_s),
        calls_per_sample=rounds[0].calls_per_sample,
        precision=rounds[0].precision,
        device_samples_s=tuple(sample for each in rounds for sample in each.device_samples_s),
        reference_s=tuple(sample for each in rounds for sample in each.reference_s),
        round_sizes=tuple(len(each.samples_s) for each in rounds),
    )


def _memory(rounds: Sequence[MemoryUse]) -> MemoryUse | None:
    """Return the reading with the median peak: its parts add up."""
    ordered = sorted(rounds, key=lambda each: each.peak_bytes)
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def _failure_note(measurement: Measurement) -> str:
    # A round that the user stopped is no finding: it is measured when the run is resumed.
    if measurement.succeeded or measurement.status == "cancelled":
        return ""
    return f"round {measurement.round} failed: {measurement.status}: {measurement.failure}"
