"""What a run on several machines says of how they differ."""

from __future__ import annotations

import warnings

import pytest

from hfbench_nb.execution.unequal import warn_of_differences

pytestmark = pytest.mark.quick

MACHINE = {"cpu_model": "EPYC", "cpu_cores": 8, "cpu_ram_mb": 24000}
ONE = {"host": "one", **MACHINE, "torch_version": "2.13", "date": "today"}


def told(*environments, are_shared=True):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_differences(environments, are_shared=are_shared)
    return [str(warning.message) for warning in caught]


def test_equal_machines_are_not_worth_a_word():
    assert told(ONE, {**ONE, "host": "two", "cpu_ram_mb": 24100, "date": "tomorrow"}) == []
    assert told(ONE) == told({"cpu_model": "EPYC"}, {"cpu_model": "Xeon"}) == []


def test_unequal_machines_that_share_cases_are_named_with_what_differs():
    (message,) = told(ONE, {**ONE, "host": "two", "cpu_model": "Xeon", "cpu_cores": 4})
    assert message == (
        "The machines differ, and a case may be measured on any of them: cpu_model (one: 'EPYC', two: 'Xeon'); "
        'cpu_cores (one: 8, two: 4). spread="hosts" measures every case on each of them.'
    )


def test_where_each_measures_everything_only_versions_are():
    (message,) = told(ONE, {**ONE, "host": "two", "cpu_model": "Xeon", "torch_version": "2.12"}, are_shared=False)
    assert message == "Versions differ: torch_version (one: '2.13', two: '2.12')."
