"""Each row has the environment that is true of it, also where one place has measured several values of an axis."""

from __future__ import annotations

import dataclasses

import pytest
from support.measured import case_of, failed, ok

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.case import Settings

pytestmark = [pytest.mark.shows, pytest.mark.quick]

PLACE = {"kernel": "6", "device": "cpu", "threads": 1, "dtype": "float32", "use_torchscript": False}


def entry(measured=True, **settings):
    case = dataclasses.replace(case_of(), settings=Settings(settings))
    resolved = Settings(device="cpu", threads=settings.get("threads") or 2)
    return case, dataclasses.replace(ok(), resolved=resolved) if measured else failed()


def test_a_fact_that_repeats_an_axis_is_that_of_the_case():
    entries = [
        entry(device="auto", threads=1, dtype="float32", torchscript=False),
        entry(device="auto", threads=None, dtype="bfloat16", torchscript=True),
    ]
    results = BenchmarkResults(entries, PLACE, {})
    first, second = (row.environment for row in results.rows)
    assert first == PLACE
    assert second == {**PLACE, "threads": 2, "dtype": "bfloat16", "use_torchscript": True}
    assert results.environment == {
        "kernel": "6", "device": "cpu", "threads": [1, 2], "dtype": ["float32", "bfloat16"],
        "use_torchscript": [False, True],
    }  # fmt: skip
    assert results[{"dtype": "bfloat16"}].environment == second


def test_what_was_left_open_and_never_told_is_what_the_place_says():
    results = BenchmarkResults([entry(measured=False, device="auto", threads=None, dtype="float16")], PLACE, {})
    assert results.environments[0] == {**PLACE, "dtype": "float16"}
    elsewhere = entry(measured=False, device="cuda", threads=None, dtype="float16")
    results += BenchmarkResults([elsewhere], {**PLACE, "device": "cuda"}, {})
    assert results.environment["device"] == ["cpu", "cuda"]


def test_an_axis_is_no_fact_where_the_environment_does_not_have_it():
    results = BenchmarkResults([entry(device="cpu", optimizer="adamw")], {"kernel": "6"}, {})
    assert results.environment == results.environments[0] == {"kernel": "6"}


def test_results_without_rows_keep_their_environment():
    assert BenchmarkResults([], PLACE, {}).environment == PLACE
