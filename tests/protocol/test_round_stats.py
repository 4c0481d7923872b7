"""Statistics over rounds, and what the rounds of a case say together."""

from __future__ import annotations

import dataclasses
import math
import random
import statistics

import pytest
from support.measured import failed, ok

from hfbench_nb.protocol.facts import Costs
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.merging import merge
from hfbench_nb.protocol.round_stats import independent_ratio, over_rounds, paired_ratio, shrunk_ratio, student_t
from hfbench_nb.protocol.timing import Timing

pytestmark = pytest.mark.quick


def test_quantiles_of_students_t_against_published_ones():
    published = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 9: 2.2622, 30: 2.0423, 120: 1.9799}
    assert {degrees: round(student_t(degrees), 4) for degrees in published} == published
    assert student_t(2) > student_t(2.5) > student_t(3)
    assert student_t(1e9) == pytest.approx(1.95996, abs=1e-4)


# ---- the coverage of intervals, by simulation of what was seen on shared machines


def shift_per_process(rng, rounds):
    """Processes differ by 4 % for their whole life, and samples of one by 1 %."""
    for _ in range(rounds):
        shift = rng.gauss(0, 0.04)
        yield [math.exp(shift + rng.gauss(0, 0.01)) for _ in range(25)]


def alike(rng, rounds):
    """Only the samples differ."""
    for _ in range(rounds):
        yield [math.exp(rng.gauss(0, 0.02)) for _ in range(25)]


def drift(rng, rounds):
    """The machine becomes up to 5 % slower or faster over the run, and processes differ by 4 %."""
    slope = rng.uniform(-0.05, 0.05)
    for i, samples in enumerate(shift_per_process(rng, rounds)):
        yield [sample * math.exp(slope * ((i + 0.5) / rounds - 0.5)) for sample in samples]


def two_speeds(rng, rounds):
    """The machine has two speeds, 1.3 times apart, changes between them every now and then, and processes differ."""
    for samples in shift_per_process(rng, rounds):
        is_slow, taken = rng.random() < 0.5, []
        for sample in samples:
            is_slow ^= rng.random() < 0.1
            taken.append(sample * math.exp(0.5 * math.log(1.3) * (1 if is_slow else -1)))
        yield taken


@pytest.mark.parametrize(
    ("noise", "rounds"),
    [(alike, 3), (alike, 5), (shift_per_process, 2), (shift_per_process, 3), (shift_per_process, 10), (drift, 3),
     (drift, 5), (two_speeds, 6), (two_speeds, 10)],
)  # fmt: skip
def test_the_interval_covers_the_truth_as_often_as_it_says(noise, rounds):
    rng = random.Random(f"{noise.__name__} {rounds}")
    trials, covered = 1200, 0
    for _ in range(trials):
        estimate = over_rounds([statistics.median(samples) for samples in noise(rng, rounds)])
        covered += estimate.low <= 1 <= estimate.high
    assert 0.93 <= covered / trials <= 0.97


@pytest.mark.parametrize("rounds", [3, 5])
def test_one_process_covers_it_seldom(rounds):
    """What the rounds are for: with the same number of samples from one process, the interval is wrong mostly."""
    rng, hits = random.Random(rounds), 0
    for _ in range(200):
        (samples,) = shift_per_process(rng, 1)
        low, high = Timing(tuple(samples)).interval_s
        hits += low <= 1 <= high
    assert hits < 60


@pytest.mark.parametrize(("ratio_of", "shared"), [(paired_ratio, 0.2), (independent_ratio, 0.0)])
@pytest.mark.parametrize("rounds", [3, 5])
def test_ratios_of_alike_cases_are_called_different_in_5_percent(ratio_of, shared, rounds):
    """What two cases share in a round, even 20 %, does not concern pairs."""
    rng, trials, different = random.Random(rounds), 1500, 0
    for _ in range(trials):
        moments = [rng.gauss(0, shared) for _ in range(rounds)]
        values = [[math.exp(moment + rng.gauss(0, 0.04)) for moment in moments] for _ in range(2)]
        estimate = ratio_of(*values)
        different += not estimate.low <= 1 <= estimate.high
    assert 0.03 <= different / trials <= 0.065


def test_a_ratio_is_the_nearer_to_1_the_less_certain_it_is():
    steady, unsteady = [0.99, 1.0, 1.01] * 2, [0.8, 1.0, 1.25] * 2
    slower = [1.2 * value for value in steady]
    assert shrunk_ratio(slower, steady) == pytest.approx(1.2, abs=0.002)
    assert shrunk_ratio(steady, slower) == pytest.approx(1 / shrunk_ratio(slower, steady))
    assert 1.1 < shrunk_ratio(slower, unsteady) < 1.19
    assert shrunk_ratio([1.05 * value for value in unsteady], unsteady) == 1.0
    assert math.isnan(shrunk_ratio([1.0], steady))
    assert math.isnan(shrunk_ratio([0.0, 1.0], steady))


def test_what_a_reference_says_of_the_machine_prevents_most_false_differences():
    """The machine is up to 5 % slower or faster during a run, which its rounds do not show, but a reference does."""
    rng, trials = random.Random(4), 1500
    alone = allowed = 0
    for _ in range(trials):
        runs = [
            [[math.exp(shift + rng.gauss(0, noise)) for _ in range(6)] for noise in (0.04, 0.03)]
            for shift in (rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05))
        ]
        (these, reference), (others, other_reference) = runs
        estimate, slowdown = independent_ratio(these, others), shrunk_ratio(reference, other_reference)
        alone += bool(estimate.excludes_one)
        low, high = min(estimate.low, estimate.low / slowdown), max(estimate.high, estimate.high / slowdown)
        allowed += not low <= 1 <= high
    assert alone / trials > 0.25
    assert allowed / trials < 0.075


def test_values_without_logarithm_have_no_interval():
    for estimate in (over_rounds([0.0, 1.0]), over_rounds([2.0]), paired_ratio([0.0, 1.0], [1.0, 1.0])):
        assert math.isnan(estimate.low)
        assert math.isnan(estimate.high)
    assert over_rounds([2.0]).value == pytest.approx(2.0)
    assert math.isnan(over_rounds([]).value)
    assert independent_ratio([1.0, 1.0], [1.0, 1.0]) == (1.0, 1.0, 1.0)


# ---- merging


def measured(number, *samples_s, peak_bytes=500, **more):
    one = ok()
    memory = dataclasses.replace(one.memory, peak_bytes=peak_bytes)
    return dataclasses.replace(one, timing=Timing(samples_s, precision=0.02), memory=memory, round=number, **more)


def test_one_round_is_the_measurement_itself():
    one = measured(1, 0.1, 0.2)
    assert merge([one]) is one
    assert one.each_round == (one,)


def test_rounds_become_one_measurement_whose_samples_keep_their_round():
    rounds = [
        measured(2, 0.2, 0.2, 0.9, peak_bytes=503, metrics={"x_s": 3.0}, costs=Costs(calls=5, calls_s=0.5)),
        measured(
            1,
            0.1,
            0.1,
            peak_bytes=501,
            metrics={"x_s": 1.0},
            costs=Costs(1.0, calls=4, calls_s=0.25),
            details={"class": "A"},
            note="long",
        ),
        measured(3, 0.4, peak_bytes=502, metrics={"x_s": 2.0}, costs=Costs(2.0, 0.5, 0.125, 6, 0.75), note="long"),
    ]
    merged = merge(rounds)
    assert merged.timing.rounds_s == [(0.1, 0.1), (0.2, 0.2, 0.9), (0.4,)]
    assert merged.timing.median_s == pytest.approx(0.2)  # the geometric mean of 0.1, 0.2, 0.4
    assert merged.timing.interval_s == pytest.approx(
        (0.2 * math.exp(-4.3027 * math.log(2) / math.sqrt(3)), 0.2 * math.exp(4.3027 * math.log(2) / math.sqrt(3))),
        rel=1e-3,
    )
    assert merged.timing.noisy
    assert merged.memory.peak_bytes == 502
    assert merged.metrics == {"x_s": 2.0}
    assert merged.costs == Costs(3.0, 0.5, 0.125, 15, 1.5)
    assert merged.details == {"class": "A"}
    assert merged.note == "long"
    assert [part.round for part in merged.rounds] == [1, 2, 3]
    assert "rounds" not in merged.to_dict()


def test_a_round_that_failed_is_told_and_costs_no_other():
    crashed = dataclasses.replace(failed("crashed", "gone"), round=2)
    merged = merge([measured(1, 0.1), crashed, measured(3, 0.1)])
    assert (merged.status, merged.timing.round_sizes) == ("ok", (1, 1))
    assert merged.note == "round 2 failed: crashed: MemoryError: gone"
    stopped = dataclasses.replace(failed("cancelled"), round=2)
    merged = merge([measured(1, 0.1, 0.2), stopped])
    assert (merged.status, merged.note, merged.timing.median_s) == ("ok", "", pytest.approx(0.15))
    assert merge([crashed, dataclasses.replace(crashed, round=3)]).status == "crashed"


def test_impossible_rounds_are_refused():
    with pytest.raises(ValueError, match="round_sizes must add up"):
        Timing((0.1, 0.2), round_sizes=(1, 2)).check()
    with pytest.raises(ValueError, match="starts at 1"):
        Measurement("ok", round=0).check()
