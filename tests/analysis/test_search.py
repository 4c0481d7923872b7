"""The search for the largest size, on planted needs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies

from hfbench_nb.analysis.search import Search, quadratic_through

pytestmark = pytest.mark.quick


def search(needs, limit, maximum=4096, *, curve=None, constant=0.0, crash_above=None):
    """Search on a function of the size; return the largest size and the probes."""
    found, probes = Search(limit, maximum, curve, constant), []
    while (size := found.next_size()) is not None:
        probes.append(size)
        assert len(probes) < 40
        needed = needs(size)
        found.tell(size, None if crash_above is not None and needed > crash_above else needed)
    return found.largest, probes


def linear(size):
    return 300.0 + 0.7 * size


def quadratic(size):
    return 300.0 + 0.1 * size + 0.001 * size * size


@pytest.mark.parametrize("needs", [linear, quadratic])
@pytest.mark.parametrize("threshold", [1, 2, 7, 100, 641, 2048, 4000, 4096])
def test_the_largest_that_fits_is_found_in_few_probes_without_an_estimate(needs, threshold):
    largest, probes = search(needs, needs(threshold) + 0.01)
    assert largest == threshold
    assert len(probes) <= 9


@pytest.mark.parametrize("threshold", [1, 7, 100, 641, 4000])
def test_an_estimate_saves_probes(threshold):
    # The process needs 420 MB and a fifth more than the tensors, which nobody has told the search.
    def needs(size):
        return 420.0 + 1.2 * quadratic(size)

    largest, probes = search(needs, needs(threshold) + 0.01, curve=quadratic, constant=400.0)
    assert largest == threshold
    assert len(probes) <= 5


def test_probes_that_are_killed_tell_only_that_they_are_too_large():
    largest, probes = search(linear, 1000.0, crash_above=1000.0)
    assert largest == 1000
    assert len(probes) <= 9


def test_nothing_fits_or_everything():
    assert search(linear, 299.0) == (0, [1])
    assert search(linear, 1e9)[0] == 4096
    assert search(linear, 1e9, maximum=1) == (1, [1])


@settings(max_examples=200, deadline=None)
@given(strategies.integers(1, 5000), strategies.floats(0, 5), strategies.floats(0, 0.01), strategies.integers(1, 64))
def test_the_search_ends_at_the_threshold_whatever_is_needed(threshold, slope, bend, step):
    def needs(size):
        return size * slope + bend * size * size + size // step * 2.0 + size * 1e-6

    largest, probes = search(needs, needs(threshold), maximum=8192)
    assert largest == threshold
    assert len(probes) <= 24


def test_a_curve_through_estimates():
    assert quadratic_through([(1, 2.0)])(50) == 2.0
    assert quadratic_through([(1, 2.0), (3, 6.0)])(50) == 100.0
    curve = quadratic_through([(size, quadratic(size)) for size in (1, 8, 64)])
    assert curve(1000) == pytest.approx(quadratic(1000))
