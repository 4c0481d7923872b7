from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hfbench_nb.stats import drifts, median_interval, relative_half_width


def test_interval_of_ten_samples_against_the_published_method():
    # d = 2: coverage of (x2, x9) is 1 - 2 P(B <= 1) = 0.978516, of (x3, x8) 0.890625;
    # I = 0.028516 / 0.087891 = 0.324444, weight = 8 I / (2 + 6 I) = 0.657658 (Hettmansperger and Sheather 1986).
    low, high = median_interval([float(i) for i in range(1, 11)])
    assert low == pytest.approx(2.657658, abs=1e-5)
    assert high == pytest.approx(8.342342, abs=1e-5)


def test_interval_of_few_samples_is_students():
    # t(0.975, 2) = 4.3027; mean 2, standard deviation 1.
    low, high = median_interval([1.0, 2.0, 3.0])
    assert (low, high) == (pytest.approx(2 - 4.3027 / math.sqrt(3)), pytest.approx(2 + 4.3027 / math.sqrt(3)))


def test_one_sample_has_no_interval():
    assert all(math.isnan(end) for end in median_interval([1.0]))
    assert relative_half_width([1.0]) == math.inf
    assert relative_half_width([]) == math.inf


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7, 10, 16, 40, 200])
def test_coverage_of_the_median_is_95_percent(n):
    random_numbers = random.Random(n)
    trials, covered = 2000, 0
    for _ in range(trials):
        low, high = median_interval([random_numbers.gauss(10, 1) for _ in range(n)])
        covered += low <= 10 <= high
    # Three standard errors of a share of 0.95 in 2000 trials are 0.015.
    assert covered / trials == pytest.approx(0.95, abs=0.015)


@example([1.0] * 5 + [773.5620819521824] * 2)
@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=60))
def test_interval_is_ordered_and_bounded_for_any_samples(samples):
    low, high = median_interval(samples)
    assert low <= high
    if len(samples) >= 6:
        assert min(samples) <= low
        assert high <= max(samples)


def test_a_shift_half_way_is_a_drift_and_noise_is_none():
    random_numbers = random.Random(0)
    steady = [random_numbers.gauss(1.0, 0.01) for _ in range(40)]
    shifted = steady[:20] + [1.1 * sample for sample in steady[20:]]
    assert not drifts(steady, 0.02)
    assert drifts(shifted, 0.02)
    assert not drifts(shifted, 0.2)
    assert not drifts(shifted[15:25], 0.02)  # too few to tell
