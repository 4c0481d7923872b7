"""Results of several rounds, at whose moments the machine was faster or slower."""

from __future__ import annotations

import dataclasses
import math
import random

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.merging import merge
from hfbench_nb.protocol.timing import Timing
from support.measured import case_of, ok

MOMENTS = [0.0, 0.3, -0.2, 0.1, 0.25, -0.3]
"""By how much the machine was slower in each round, logarithms: far more than the cases differ by."""


def in_rounds(time_s, *, seed=0, noise=0.01, moments=MOMENTS, memory_mib=500, reference_s=0.002):
    """A case in several rounds: the machine's speed at each moment, and processes that differ by `noise`."""
    rng = random.Random(f"{seed} {time_s}")
    rounds = []
    for number, moment in enumerate(moments, start=1):
        center_s = time_s * math.exp(moment + rng.gauss(0, noise))
        readings_s = tuple(reference_s * math.exp(moment + rng.gauss(0, 0.01)) for _ in range(3))
        timing = Timing((center_s * 0.99, center_s, center_s * 1.01), precision=0.02, reference_s=readings_s)
        rounds.append(dataclasses.replace(ok(memory_mib=memory_mib), timing=timing, round=number))
    return merge(rounds)


def environment(**facts):
    return {"cpu_model": "A", "framework": "PyTorch", "transformers_version": "4.57.6", **facts}


def run_of(slower=1.0, facts=None, times_s=(0.1, 0.2), **given):
    rounds = {"moments": [math.log(slower) + 0.02 * m for m in MOMENTS], **given}
    entries = [(case_of(sequence_length=8 * (i + 1)), in_rounds(t, **rounds)) for i, t in enumerate(times_s)]
    return BenchmarkResults(entries, facts or environment(), {})
