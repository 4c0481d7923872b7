"""Runs at different times and on different machines."""

from __future__ import annotations

import math

import pytest
from support.measured import case_of, ok, results_of
from support.rounds import MOMENTS, environment, run_of

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]


def test_a_machine_that_was_slower_meanwhile_is_no_difference_and_is_told():
    comparison = run_of().compare(run_of(slower=1.3, seed=3))
    (note,) = comparison.notes
    assert note.startswith("the machine was 1.3")
    assert note.endswith("times slower during other: the intervals allow for that")
    assert comparison.frame["time_differs"].tolist() == [False, False]
    assert comparison.frame["time_ratio"].tolist() == pytest.approx([1 / 1.3] * 2, rel=0.02)
    comparison = run_of(slower=1.3).compare(run_of(seed=3), names=("now", "then"))
    assert "times slower during now" in str(comparison)
    # What the reference cannot explain is a difference: this is 1.6 times slower, the machine 1.3 times.
    found = run_of(slower=1.3, times_s=(0.123, 0.246)).compare(run_of(seed=3)).frame
    assert found["time_differs"].tolist() == [True, True]
    assert (found["time_ratio_ci_low"] < 1.25).all()


def test_a_machine_that_may_have_been_slower_is_allowed_for_and_told():
    """The reference says a few percent, in rounds that differ by more: neither sure nor nothing."""
    comparison = run_of().compare(run_of(moments=[math.log(1.04) + 0.45 * m for m in MOMENTS], seed=3))
    (note,) = comparison.notes
    assert note.startswith("the machine may have been 1.0")
    assert note.endswith("times slower during other: the intervals allow for that")


def test_without_rounds_or_reference_nothing_is_taken_for_slower():
    assert run_of(reference_s=0.002).compare(run_of(reference_s=0.0)).notes == ()
    assert results_of((case_of(), ok())).compare(results_of((case_of(), ok(0.04)))).notes == ()


def test_other_machines_and_versions_are_named_and_their_speed_is_what_is_compared():
    there = environment(cpu_model="B", transformers_version="5.0.0")
    comparison = run_of().compare(run_of(slower=1.5, facts=there), names=("here", "there"))
    notes = ("cpu_model: A (here), B (there)", "transformers_version: 4.57.6 (here), 5.0.0 (there)")
    assert comparison.notes == notes
    assert comparison.frame["time_differs"].tolist() == [True, True]
