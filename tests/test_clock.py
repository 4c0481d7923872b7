from __future__ import annotations

import gc
import itertools
import random

import pytest

from hfbench_nb import clock
from hfbench_nb.clock import Reading, take_samples


class FakeTime:
    """A clock on which each call takes what it is told."""

    def __init__(self, seconds):
        self.now_s = 0.0
        self.calls = 0
        self._seconds = iter(seconds)

    def __call__(self, call, number):
        took = next(self._seconds) * number
        self.now_s += took
        self.calls += number
        return Reading(took, None)

    def sample(self, **given):
        options = {"repeat": 3, "precision": 0.02, "max_seconds": 5.0, "calls_before_s": (0.5,)}
        return take_samples(lambda: None, self, now=lambda: self.now_s, **{**options, **given})


def test_a_slow_steady_call_is_timed_as_often_as_repeat_says():
    timing = FakeTime(itertools.repeat(2.0)).sample()
    assert timing.samples_s == (2.0, 2.0, 2.0)
    assert not timing.noisy


def test_repeat_wins_over_the_budget():
    assert len(FakeTime(itertools.repeat(4.0)).sample(repeat=5).samples_s) == 5


def test_sampling_stops_when_the_interval_is_narrow_enough():
    noise = random.Random(0)
    timing = FakeTime(noise.gauss(0.01, 0.0005) for _ in itertools.count()).sample()
    low, high = timing.interval_s
    assert (high - low) / 2 / timing.median_s <= 0.02
    assert 10 <= len(timing.samples_s) < 200
    assert not timing.noisy


def test_sampling_stops_at_the_budget_and_says_that_it_is_noisy():
    noise = random.Random(0)
    fake = FakeTime(noise.uniform(0.05, 0.5) for _ in itertools.count())
    timing = fake.sample(max_seconds=2.0)
    assert 2.0 <= fake.now_s < 3.0
    assert timing.noisy


def test_a_drift_is_noisy():
    timing = FakeTime(0.1 * 1.01**i for i in itertools.count()).sample(max_seconds=8.0, precision=0.03)
    assert timing.noisy


def test_short_calls_are_timed_in_blocks_and_reported_for_one_call():
    timing = FakeTime(itertools.repeat(1e-6)).sample(calls_before_s=())
    assert timing.calls_per_sample in (100, 101)  # 100 us of calls
    assert timing.median_s == pytest.approx(1e-6)


def test_calls_made_before_count_as_warm_up():
    cold, warm = FakeTime(itertools.repeat(0.02)), FakeTime(itertools.repeat(0.02))
    cold_samples = len(cold.sample(calls_before_s=()).samples_s)
    warm_samples = len(warm.sample(calls_before_s=(0.3, 0.02)).samples_s)
    assert warm.calls == warm_samples
    assert cold.calls == cold_samples + 5  # 0.1 s of calls


def test_garbage_collection_is_off_while_timing_and_on_again_after_a_failure():
    seen = []

    def fails():
        seen.append(gc.isenabled())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        take_samples(fails, clock.wall_clock, repeat=1, precision=0.1, max_seconds=1.0)
    assert seen == [False]
    assert gc.isenabled()
