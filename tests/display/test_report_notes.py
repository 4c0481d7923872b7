"""What stands below the tables of the text report: reasons, notes, the environment."""

from __future__ import annotations

import dataclasses

import pytest
from support.measured import case_of, failed, ok, results_of
from support.reports import rows_of

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.measurement import Failure, Measurement
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.quick]


@pytest.mark.parametrize("status", ["oom", "error", "timeout", "crashed", "cancelled"])
def test_a_failed_case_reads_n_a_and_its_reason_stands_below(status):
    report = str(results_of((case_of(), ok()), (case_of(sequence_length=32), failed(status, "several\nlines"))))
    assert [row[3:] for row in rows_of(report, "bert")] == [["0.02"], ["N/A"], ["500"], ["N/A"]]
    below = report.rpartition(80 * "-")[2]
    assert below.splitlines()[1:] == [
        f"N/A: bert, inference, batch size 8, sequence length 32: {status}: MemoryError: several",
        "    lines",
    ]
    assert "Traceback" not in report


def test_a_metric_that_is_missing_for_a_reason_says_so_in_its_own_table():
    known = Measurement("ok", Timing((0.5,)), failure=Failure("MissingResult", "it was not published"))
    report = BenchmarkResults([(case_of(), known)], {}, {"speed": True, "memory": True}).report()
    speed, _, memory = report.partition("INFERENCE - MEMORY")
    assert "N/A" not in speed
    assert "N/A: bert, inference, batch size 8, sequence length 8: ok: MissingResult: it was not published" in memory


def test_a_note_stands_once_for_each_model_and_table():
    entries = [
        *((case_of("bert", sequence_length=n), ok(note="random labels")) for n in (8, 32)),
        (case_of("gpt2"), ok(note="random labels")),
        (case_of("t5"), ok()),
        (case_of("vit"), dataclasses.replace(failed(), note="of a case that failed")),
    ]
    report = str(results_of(*entries))
    notes = [line for line in report.splitlines() if line.startswith("Note")]
    assert notes == ["Note: bert: random labels", "Note: gpt2: random labels"] * 2


def test_notes_that_differ_name_the_length():
    entries = [
        (case_of(sequence_length=n), ok(note=note)) for n, note in [(8, "one"), (16, "one"), (32, "other\nlines")]
    ]
    notes = str(results_of(*entries)).rpartition(80 * "-")[2].splitlines()[1:]
    assert notes == ["Note: bert, sequence length 8: one", "Note: bert, sequence length 32: other", "    lines"]


def test_the_environment_is_listed_where_it_was_asked_for():
    results = BenchmarkResults([(case_of(), ok())], {"framework": "PyTorch", "gpu": "a\nb", "limit": None}, {})
    assert "ENVIRONMENT" not in str(results)
    report = results.report(environment=True)
    assert report.endswith("=\n- framework: PyTorch\n- gpu: a\\nb\n- limit: None\n")
    asked = BenchmarkResults(results.entries, results.environment, {"env_print": True})
    assert str(asked) == report
    assert asked.report(environment=False) == str(results)


def test_facts_in_which_places_differ_are_listed():
    both = BenchmarkResults(
        [(case_of(), ok())], {"device": "cpu", "kernel": "6"}, {"env_print": True}
    ) + BenchmarkResults([(case_of("gpt2"), ok())], {"device": "cuda", "kernel": "6"}, {})
    assert "- device: ['cpu', 'cuda']\n- kernel: 6\n" in str(both)
