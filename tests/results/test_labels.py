"""What the rows of results are called."""

from __future__ import annotations

import dataclasses

import pytest
from support.measured import case_of, failed, ok

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.case import Settings

pytestmark = pytest.mark.quick


def results_with(settings, environment=None, resolved=None, model="bert", measurement=None):
    """One row per settings; `resolved` are those that the worker told."""
    cases = [dataclasses.replace(case_of(model), settings=Settings(each)) for each in settings]
    told = [Settings(each) for each in resolved or [{}] * len(cases)]
    measured = [dataclasses.replace(measurement or ok(), resolved=each) for each in told]
    return BenchmarkResults(zip(cases, measured, strict=True), environment or {}, {"speed": True})


def test_one_value_per_axis_leaves_the_model_alone():
    assert results_with([{"dtype": "float32", "threads": 2}]).labels == ["bert"]


def test_what_varies_is_named():
    results = results_with([{"dtype": d, "threads": n} for d in ("float32", "bfloat16") for n in (1, 2)])
    assert results.labels == [
        "bert [float32, 1 thread]", "bert [float32, 2 threads]", "bert [bfloat16, 1 thread]",
        "bert [bfloat16, 2 threads]",
    ]  # fmt: skip
    assert results.labels_without(["dtype"])[:2] == ["bert [1 thread]", "bert [2 threads]"]


@pytest.mark.parametrize("threads", [[1, None], [None, 1]])
def test_threads_that_were_left_open_are_those_of_their_worker(threads):
    # The environment is that of the first case.
    told = [{"threads": n or 2} for n in threads]
    results = results_with([{"threads": n} for n in threads], {"threads": told[0]["threads"]}, told)
    assert sorted(results.labels) == ["bert [1 thread]", "bert [2 threads]"]
    # Times and memory of both.
    assert len([line for line in str(results).splitlines() if line.lstrip().startswith("bert [")]) == 4


@pytest.mark.parametrize(
    ("name", "asked", "told", "labels"),
    [
        ("threads", (2, None), 2, ["bert [2 threads]", "bert [default threads]"]),
        ("device", ("auto", "cpu"), "cpu", ["bert [auto]", "bert [cpu]"]),
    ],
)
def test_settings_that_come_to_the_same_are_named_as_they_were_asked_for(name, asked, told, labels):
    results = results_with([{name: each} for each in asked], {name: told}, [{name: told}] * 2)
    assert results.labels == labels
    assert all(label in str(results) for label in labels)
    assert results.frame[name].tolist() == [told, told]


def test_a_failed_case_of_open_threads_is_not_taken_for_another():
    results = results_with([{"threads": 1}, {"threads": None}], {"threads": 1}, measurement=failed())
    assert results.labels == ["bert [1 thread]", "bert [default threads]"]


def test_the_same_case_again_has_a_number():
    run = results_with([{"dtype": "float32"}])
    assert (run + run + run).labels == ["bert", "bert (run 2)", "bert (run 3)"]


def test_an_old_run_that_did_not_record_an_axis_is_told_from_a_new_one():
    both = results_with([{"dtype": "float32"}]) + results_with([{"dtype": "float32", "compile": "none"}])
    assert both.labels == ["bert", "bert (run 2)"]
    assert str(both).count("0.02") == 2
