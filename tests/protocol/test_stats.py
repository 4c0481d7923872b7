from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hfbench_nb.protocol.stats import independent_samples, median_interval, relative_half_width, samples_needed
from hfbench_nb.protocol.timing import Timing

pytestmark = pytest.mark.quick


def _shuffled(numbers):
    return [float(number) for number in random.Random(0).sample(numbers, len(numbers))]


def test_interval_of_ten_samples_against_the_published_method():
    # d = 2: coverage of (x2, x9) is 1 - 2 P(B <= 1) = 0.978516, of (x3, x8) 0.890625;
    # I = (0.978516 - 0.96) / 0.087891 = 0.210667, weight = 8 I / (2 + 6 I) = 0.516340 (Hettmansperger, Sheather 1986).
    low, high = median_interval(_shuffled(range(1, 11)))
    assert low == pytest.approx(2.516340, abs=1e-5)
    assert high == pytest.approx(8.483660, abs=1e-5)


def test_interval_of_few_samples_is_students():
    # t(0.98, 2) = 4.8487; of the logarithms, mean 2, standard deviation 1.
    low, high = median_interval([math.exp(1), math.exp(2), math.exp(3)])
    assert math.log(low) == pytest.approx(2 - 4.8487 / math.sqrt(3))
    assert math.log(high) == pytest.approx(2 + 4.8487 / math.sqrt(3))


def test_one_sample_has_no_interval():
    assert all(math.isnan(end) for end in median_interval([1.0]))
    assert relative_half_width([1.0]) == math.inf
    assert relative_half_width([]) == math.inf


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7, 10, 16, 40, 200])
def test_an_interval_of_a_fixed_number_of_samples_covers_the_median_in_96_percent(n):
    """One percent more than stated: it is what looking at the interval while sampling may cost (see test_clock)."""
    random_numbers = random.Random(n)
    trials, covered = 3000, 0
    for _ in range(trials):
        low, high = median_interval([random_numbers.gauss(10, 1) for _ in range(n)])
        covered += low <= 10 <= high
    # Three standard errors of a share of 0.96 in 3000 trials are 0.011.
    assert covered / trials == pytest.approx(0.96, abs=0.011)


@example([1.0] * 5 + [773.5620819521824] * 2)
@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=60))
def test_interval_is_ordered_and_bounded_for_any_samples(samples):
    low, high = median_interval(samples)
    assert low <= high
    if len(samples) >= 6:
        assert min(samples) <= low
        assert high <= max(samples)


@pytest.mark.parametrize("n", [1023, 1024, 10_000])
def test_there_is_an_interval_for_any_number_of_samples(n):
    low, high = median_interval(_shuffled(range(n)))
    # The normal approximation of the ranks: (n - 2.0537 sqrt(n)) / 2.
    assert low == pytest.approx((n - 2.0537 * math.sqrt(n)) / 2 - 0.5, abs=0.6)
    assert low + high == pytest.approx(n - 1)


def test_how_many_samples_are_needed_grows_with_the_square_of_the_precision():
    samples = [1.0 + i / 100 for i in range(20)]
    width = relative_half_width(samples)
    assert samples_needed(samples, width) == pytest.approx(20)
    assert samples_needed(samples, width / 3) == pytest.approx(180)
    few = samples[:3]
    assert samples_needed(few, relative_half_width(few)) == pytest.approx(3 * (2.0537 / 4.8487) ** 2)


def _disturbed(pattern, spread=0.005, n=40):
    random_numbers = random.Random(n)
    return [random_numbers.gauss(1.0, spread) * (1.3 if slow == "x" else 1.0) for slow in (pattern * n)[:n]]


@pytest.mark.parametrize(
    "pattern",
    [20 * "x" + 20 * "-", 20 * "-" + 20 * "x", 12 * "-" + 16 * "x" + 12 * "-", 12 * "x" + 28 * "-", "xxxxxxx-------"],
    ids=["first half", "second half", "middle", "first third", "in turns"],
)
def test_what_changes_in_time_widens_the_interval(pattern):
    samples = _disturbed(pattern)
    assert independent_samples(samples) <= 20
    low, high = median_interval(samples)
    assert low < 1.02  # it reaches from those that were not disturbed ...
    assert high > 1.28  # ... to those that were
    shuffled = sorted(samples, key=lambda sample: random.Random(str(sample)).random())
    assert independent_samples(shuffled) == 40


def test_a_drift_is_as_wide_as_it_is_long():
    samples = [1.0 + i / 200 for i in range(20)]
    assert independent_samples(samples) < 6
    assert median_interval(samples) == (samples[0], samples[-1])


def test_equal_or_few_samples_are_independent():
    assert independent_samples([1.0] * 40) == 40
    assert independent_samples(_disturbed("xxxx-----", n=9)) == 9  # too few to tell
    assert independent_samples([]) == 0


def test_noise_without_order_is_rarely_taken_for_a_variation():
    random_numbers = random.Random(0)
    found = sum(independent_samples([random_numbers.lognormvariate(0, 0.1) for _ in range(n)]) < n
                for n in (10, 15, 40, 100) for _ in range(500))  # fmt: skip
    assert found <= 20  # 2,000 trials at p < 0.005


@pytest.mark.parametrize("n", [300, 3000])
def test_how_many_samples_are_independent_is_known_of_an_autoregressive_noise(n):
    """Signs of a normal AR(1) process have autocorrelations of 2/pi asin(phi^k)."""
    random_numbers, phi = random.Random(n), 0.8
    known = n / (1 + 2 * sum(2 / math.pi * math.asin(phi**k) for k in range(1, 200)))
    found = []
    for _ in range(100):
        samples = [random_numbers.gauss(0, 1)]
        while len(samples) < n:
            samples.append(phi * samples[-1] + random_numbers.gauss(0, 0.6))
        found.append(independent_samples(samples))
    assert statistics.median(found) == pytest.approx(known, rel=0.15)


def test_no_time_is_zero_or_negative():
    timing = Timing((1.0, 2.0, 9.0))
    assert 0 < timing.interval_s[0] < 1.0
    assert timing.interval_s[1] > 9.0
    assert median_interval([0.0, 1.0, 3.0]) == (0.0, 3.0)  # of a clock that is too coarse
    assert median_interval([1e-300, 1e300])[1] < math.inf
    assert math.isnan(Timing((1.0,)).interval_s[0])
