"""The text report: the original's, and what it does with what that did not know."""

from __future__ import annotations

import dataclasses

import pytest
from support.measured import (
    MIB,
    TRACE,
    case_of,
    failed,
    function_row,
    measure_result,
    ok,
    results_of,
    traced_run,
    with_settings,
)
from support.reports import headings, rows_of, rules

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.measurement import Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.metrics import METRICS, Metric

pytestmark = [pytest.mark.shows, pytest.mark.quick]


# ---- the original's table


@pytest.mark.parametrize(("letters", "width"), [(1, 80), (29, 80), (30, 80), (31, 83), (60, 112)])
def test_a_name_that_is_too_long_for_the_originals_column_widens_the_table(letters, width):
    name = "m" * letters
    report = str(results_of((case_of(name), ok()), (case_of("short"), ok())))
    assert [len(rule) for rule in rules(report)] == [width] * 6
    assert {len(heading) for heading in report.splitlines() if heading.startswith("=")} == {80}
    lines = [line for line in report.splitlines() if name in line.split()]
    assert len(lines) == 2
    assert {line[: width - 50] for line in lines} == {name.center(width - 50)}
    # The original prints a blank between the last columns, beyond the width of its rule.
    sizes = 2 * f"{'8'.center(15)} "
    assert [line[width - 50 :] for line in lines] == [sizes + value.center(15) for value in ("0.02", "500")]


def test_a_section_per_task_and_metric_in_the_order_of_the_tasks():
    entries = [
        (case_of(task="training"), ok()),
        (case_of(), ok()),
        function_row(),
    ]
    report = str(results_of(*entries))
    assert headings(report) == [
        "INFERENCE - SPEED - RESULT",
        "INFERENCE - MEMORY - RESULT",
        "TRAIN - SPEED - RESULTS",
        "TRAIN - MEMORY - RESULTS",
        "FUNCTION - SPEED - RESULT",
        "FUNCTION - MEMORY - RESULT",
    ]
    assert [line for line in report.splitlines() if "Model Name" in line] == [
        "          Model Name             Batch Size     Seq Length     Time in s   ",
        "          Model Name             Batch Size     Seq Length    Memory in MB ",
    ] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"speed": True, "memory": False}, {"SPEED"}),
        ({"speed": False, "memory": True}, {"MEMORY"}),
        ({"speed": True, "memory": True}, {"SPEED", "MEMORY"}),
    ],
)
def test_only_what_was_asked_for_has_a_section(arguments, words):
    report = str(BenchmarkResults([(case_of(), ok())], {}, arguments))
    assert {heading.split(" - ")[1] for heading in headings(report)} == words


def test_results_without_rows_have_an_empty_report():
    assert str(results_of()) == ""
    assert headings(BenchmarkResults([], {"a": 1}, {"env_print": True}).report()) == ["ENVIRONMENT INFORMATION"]


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0.0, "< 0.001"), (0.0004, "< 0.001"), (0.0006, "0.001"), (0.0186, "0.019"), (12.0, "12.0"), (123.456, "123.456")],
)  # fmt: skip
def test_times_are_rounded_as_the_originals(time_s, text):
    report = BenchmarkResults([(case_of(), Measurement("ok", Timing((time_s,))))], {}, {"memory": False}).report()
    assert rows_of(report, "bert") == [["bert", "8", "8", *text.split()]]


def test_rows_stand_in_the_order_of_models_batch_sizes_and_lengths_measured():
    places = [("b", 8, 32), ("b", 8, 8), ("a", 4, 32), ("b", 4, 32)]
    report = str(results_of(*((case_of(name, batch_size=b, sequence_length=n), ok()) for name, b, n in places)))
    found = [tuple(line.split()[:3]) for line in report.splitlines() if line.split()[:1] in (["a"], ["b"])]
    assert found == [("b", "8", "32"), ("b", "8", "8"), ("b", "4", "32"), ("a", "4", "32")] * 2


def test_a_further_metric_that_was_measured_has_a_section_of_its_own():
    METRICS.register(Metric("dreams_s", "Time of dreams", "s", is_headline=True))
    try:
        measured = dataclasses.replace(ok(), metrics={"dreams_s": 0.25})
        report = str(results_of((case_of(), measured), (case_of(task="training"), ok())))
        assert headings(report) == [
            "INFERENCE - SPEED - RESULT",
            "INFERENCE - MEMORY - RESULT",
            "INFERENCE - DREAMS - RESULT",
            "TRAIN - SPEED - RESULTS",
            "TRAIN - MEMORY - RESULTS",
        ]
        assert "  Dreams in s  " in report
        assert ["bert", "8", "8", "0.25"] in rows_of(report, "bert")
    finally:
        METRICS.remove("dreams_s")


# ---- settings


def test_the_settings_that_vary_stand_behind_the_name_and_no_others():
    entries = [
        (with_settings(case_of(), dtype=dtype, threads=threads, device="cpu"), ok(time_s))
        for dtype, threads, time_s in [("float32", 1, 0.5), ("bfloat16", 1, 0.25), ("bfloat16", 2, 0.125)]
    ]
    report = str(results_of(*entries))
    lines = [line.strip() for line in report.splitlines() if line.strip().startswith("bert")]
    labels = ["bert [float32, 1 thread]", "bert [bfloat16, 1 thread]", "bert [bfloat16, 2 threads]"]
    assert [line.partition("]")[0] + "]" for line in lines] == labels * 2
    assert [line.split()[-1] for line in lines[:3]] == ["0.5", "0.25", "0.125"]
    assert "cpu" not in report


def test_settings_with_one_value_are_not_mentioned():
    entries = [(with_settings(case_of(name), dtype="bfloat16", threads=1), ok()) for name in ("bert", "gpt2")]
    report = str(results_of(*entries))
    assert "[" not in report
    assert "bfloat16" not in report


def test_a_name_is_widened_with_its_settings():
    entries = [(with_settings(case_of("m" * 25), dtype=dtype), ok()) for dtype in ("float32", "bfloat16")]
    report = str(results_of(*entries))
    assert {len(rule) for rule in rules(report)} == {80 + len("m" * 25 + " [bfloat16]") + 2 - 30}


def test_a_failed_case_is_named_with_its_settings():
    entries = [
        (with_settings(case_of(), dtype="float32"), failed()),
        (with_settings(case_of(), dtype="bfloat16"), ok()),
    ]
    report = str(results_of(*entries))
    reason = "N/A: bert [float32], inference, batch size 8, sequence length 8: oom: MemoryError: no memory"
    assert report.splitlines().count(reason) == 2
    assert "[bfloat16], inference" not in report


# ---- functions and traced models


@pytest.mark.parametrize("turned", [False, True])
def test_functions_stand_beside_traced_models(turned):
    one, other = traced_run(), measure_result()
    both = other + one if turned else one + other
    report = str(both)
    lines = "MEMOMRY - LINE BY LINE - SUMMARY"
    assert headings(report) == [
        "INFERENCE - SPEED - RESULT",
        "INFERENCE - MEMORY - RESULT",
        f"INFERENCE - {lines}",
        "TRAIN - SPEED - RESULTS",
        "TRAIN - MEMORY - RESULTS",
        f"TRAIN - {lines}",
        "FUNCTION - SPEED - RESULT",
        "FUNCTION - MEMORY - RESULT",
    ]
    for section in report.split(lines)[1:]:
        assert "/m.py:7: mem 4: x = f()" in section
    function_lines = [line for line in report.splitlines() if line.strip().startswith("sorted")]
    assert [line.split()[-3:] for line in function_lines] == [["-", "-", "0.25"], ["-", "-", "500"]]
    assert "sorted" not in report[: report.index("FUNCTION - SPEED")]
    assert both._repr_html_()
    assert both.to_markdown()


def test_lines_that_could_not_be_traced_say_why():
    untraced = dataclasses.replace(ok(), line_trace_failure="TracingError: not here")
    results = BenchmarkResults([(case_of(), untraced)], {}, {"trace_memory_line_by_line": True})
    report = str(results)
    assert "N/A: no case could be traced" in report
    assert "N/A: bert, inference, batch size 8, sequence length 8: TracingError: not here" in report


def test_traces_that_were_not_asked_for_have_no_section():
    assert "LINE BY LINE" not in str(results_of((case_of(), dataclasses.replace(ok(), line_trace=TRACE))))


# ---- reasons, notes, environment


def test_the_report_comes_back_from_its_text():
    entries = [(case_of("bert", sequence_length=n), ok(n / 8, 500 + n)) for n in (8, 32)] + [
        (case_of("gpt2"), failed())
    ]
    results = BenchmarkResults(entries, {"framework": "PyTorch"}, {"env_print": True})
    again = BenchmarkResults.from_report(str(results))
    assert str(again) == str(results)


# ---- CSV files


def test_report_is_the_originals():
    entries = [
        (case_of("bert-base", sequence_length=n), ok(t, m)) for n, t, m in [(8, 0.0001, 1277), (128, 0.018, 1307)]
    ]
    results = BenchmarkResults(entries, {"framework": "PyTorch", "use_tpu": False}, {"env_print": True})
    rule = 80 * "-"
    # By the code of transformers 4.48.3, which prints each row as three texts with a blank between them.
    assert str(results).split("\n") == [
        "",
        "====================       INFERENCE - SPEED - RESULT       ====================",
        rule,
        "          Model Name             Batch Size     Seq Length     Time in s   ",
        rule,
        "          bert-base                  8               8            < 0.001    ",
        "          bert-base                  8              128            0.018     ",
        rule,
        "",
        "====================      INFERENCE - MEMORY - RESULT       ====================",
        rule,
        "          Model Name             Batch Size     Seq Length    Memory in MB ",
        rule,
        "          bert-base                  8               8              1277     ",
        "          bert-base                  8              128             1307     ",
        rule,
        "",
        "====================        ENVIRONMENT INFORMATION         ====================",
        "- framework: PyTorch",
        "- use_tpu: False",
        "",
    ]
    assert "ENVIRONMENT" not in results.report(environment=False)


def test_report_cuts_no_name_and_says_why_a_case_failed(results):
    report = str(results)
    name = "a-model-whose-name-is-longer-than-thirty-characters"
    assert f" {name} " in report
    assert f"N/A: {name}, inference, batch size 8, sequence length 512: oom: MemoryError: no memory" in report
    lengths = {len(line) for line in report.splitlines() if line.startswith("---")}
    assert lengths == {80 + len(name) + 2 - 30}
    assert repr(results) == report


def test_memory_is_rounded_alike_in_the_report_and_the_table():
    peak = MemoryUse("VmHWM", round(768.7 * MIB))
    results = results_of((case_of(), Measurement("ok", memory=peak)))
    assert " 769 " in str(results)
    assert ">769<" in results._repr_html_().replace("<strong>", "").replace("</strong>", "")
