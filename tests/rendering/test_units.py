"""Numbers for people: digits, units and what has no number."""

from __future__ import annotations

import math

import pytest

from hfbench_nb.rendering import units

pytestmark = pytest.mark.quick

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"), (9.994, "9.99"), (9.996, "10.0"), (99.96, "100"), (999.6, "1,000"), (-12.34, "-12.3"),
        (0.00012345, "0.000123"), (1234567.0, "1,234,567"),
    ],
)  # fmt: skip
def test_a_number_has_three_digits_of_what_it_is_rounded_to(value, text):
    assert units.format_number(value) == text


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (1.0, "1.00 s"), (0.9994, "999 ms"), (0.9996, "1.00 s"), (1e-3, "1.00 ms"), (2.5e-5, "25.0 µs"),
        (3e-9, "3.00 ns"),
        (2e-10, "0.200 ns"), (0.0, "0.00 ns"), (-0.02, "-20.0 ms"), (4000.0, "4,000 s"), (NAN, ""),
    ],
)  # fmt: skip
def test_a_time_has_the_largest_unit_of_which_there_is_one(time_s, text):
    assert units.format_time(time_s) == text


def test_many_times_share_the_unit_of_their_middle():
    assert units.time_unit([0.002, 3.0]) == (1e-3, "ms")  # their geometric mean is 77 ms
    assert units.time_unit([0.5, 3.0]) == (1.0, "s")
    assert units.time_unit([1e-12]) == (1e-9, "ns")
    assert units.time_unit([]) == units.time_unit([0.0]) == (1.0, "s")


def test_memory_is_in_whole_megabytes():
    assert [units.format_memory(mb) for mb in (0.4, 1280.6, -3.0, NAN)] == ["0 MB", "1,281 MB", "-3 MB", ""]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 K"), (999_600, "1.00 M"), (1_000_000, "1.00 M"), (7 * 10**12, "7,000 B")],
)
def test_a_count_below_a_thousand_is_whole(count, text):
    assert units.format_count(count) == text


@pytest.mark.parametrize(
    ("flops", "text"), [(0.0, "0.00"), (999.0, "999"), (999.7, "1.00 K"), (1e3, "1.00 K"), (3e18, "3,000 P"), (NAN, "")]
)
def test_operations_go_up_to_peta(flops, text):
    assert units.format_flops(flops) == text


@pytest.mark.parametrize(
    ("share", "percent", "spread"),
    [(0.43, "43 %", "±43.0 %"), (0.1, "10 %", "±10.0 %"), (0.0997, "10 %", "±10.0 %"),
     (0.0052, "0.52 %", "±0.5 %"), (1.02, "102 %", "±102.0 %"),
     (NAN, "", "")],
)  # fmt: skip
def test_a_share_is_in_percent(share, percent, spread):
    assert (units.format_percent(share), units.format_share(share)) == (percent, spread)


def test_a_rate_keeps_its_zeros():
    assert [units.format_rate(rate) for rate in (2.0, 99.94, 99.96, 100.4, NAN)] == [
        "2.00/s",
        "99.9/s",
        "100/s",
        "100/s",
        "",
    ]


def test_a_ratio_may_have_no_end():
    assert [units.format_ratio(ratio) for ratio in (1.0, 0.0123, math.inf, NAN)] == ["1.00", "0.0123", "∞", ""]


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (65, "1 min 05 s"), (3599.7, "1 h 00 min"),
        (36_000 + 120, "10 h 02 min"),
    ],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(duration_s, text):
    assert units.format_duration(duration_s) == text
