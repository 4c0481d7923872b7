"""The text report and the CSV files: the original's, and what they do with what it did not know."""

from __future__ import annotations

import dataclasses

import pytest
from support.measured import case_of, failed, function_row, ok, results_of

from hfbench_nb import BenchmarkResults, read_csv
from hfbench_nb.display.csv_export import file_stem
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.line_trace import LineTrace, Place
from hfbench_nb.protocol.measurement import Failure, Measurement, MemoryUse
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.metrics import METRICS, Metric

pytestmark = [pytest.mark.shows, pytest.mark.quick]

TRACE = LineTrace(("/m.py",), ("m",), (Place(0, 0, 7, "line", "x = f()"),), (0, 0), 1 << 20, (3 << 20, 1 << 20))


def rules(report):
    return [line for line in report.splitlines() if line.startswith("-----")]


def headings(report):
    return [line.strip("= ") for line in report.splitlines() if line.startswith("=====")]


def rows_of(report, name):
    return [line.split() for line in report.splitlines() if line.strip().startswith(name)]


def with_settings(case, **settings):
    return dataclasses.replace(case, settings=Settings(settings))


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


def traced_run():
    measured = dataclasses.replace(ok(), line_trace=TRACE)
    return BenchmarkResults(
        [(case_of(), measured), (case_of(task="training"), measured)],
        {"framework": "PyTorch"},
        {"speed": True, "memory": True, "trace_memory_line_by_line": True},
    )


def measure_result(name="sorted"):
    case = Case("Python", name, "function")
    return BenchmarkResults([(case, ok(0.25))], {"framework": "Python"}, {"speed": True, "memory": True})


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


def test_the_report_comes_back_from_its_text():
    entries = [(case_of("bert", sequence_length=n), ok(n / 8, 500 + n)) for n in (8, 32)] + [
        (case_of("gpt2"), failed())
    ]
    results = BenchmarkResults(entries, {"framework": "PyTorch"}, {"env_print": True})
    again = BenchmarkResults.from_report(str(results))
    assert str(again) == str(results)


# ---- CSV files


def test_files_of_functions_come_back(tmp_path):
    case, _ = function_row()
    other = dataclasses.replace(case, model="other")
    results = BenchmarkResults([(case, ok(0.125)), (other, failed())], {"a": 1}, {"speed": True, "memory": True})
    paths = results.to_csv(tmp_path)
    assert [path.name for path in paths] == ["function_time.csv", "function_memory.csv", "env_info.csv"]
    assert paths[0].read_text().splitlines() == [
        "model,batch_size,sequence_length,result",
        "my_function,,,0.125",
        "other,,,N/A",
    ]
    times, memories = (read_csv(path, task="function") for path in paths[:2])
    assert [c for c, _ in times.entries] == [dataclasses.replace(c, framework="") for c, _ in results.entries]
    assert times.frame["time_s"].tolist()[0] == 0.125
    assert memories.frame["memory_mb"].tolist()[0] == 500.0
    assert list(times.frame["status"]) == list(memories.frame["status"]) == ["ok", "error"]
    assert "FUNCTION - SPEED - RESULT" in str(times)
    assert headings(str(memories)) == ["FUNCTION - MEMORY - RESULT"]


def test_functions_and_models_have_files_of_their_own(tmp_path):
    both = traced_run() + measure_result()
    names = [path.name for path in both.to_csv(tmp_path)]
    assert names == [
        "inference_time.csv", "inference_memory.csv", "train_time.csv", "train_memory.csv", "function_time.csv",
        "function_memory.csv", "env_info.csv",
    ]  # fmt: skip
    assert "sorted" not in (tmp_path / "inference_time.csv").read_text()
    assert "bert" not in (tmp_path / "function_time.csv").read_text()
    assert read_csv(tmp_path / "train_time.csv", task="training").frame["time_s"].tolist() == [0.02]


def test_settings_that_vary_are_part_of_the_name_in_files(tmp_path):
    entries = [(with_settings(case_of(), dtype=dtype), ok()) for dtype in ("float32", "bfloat16")]
    path, *_ = results_of(*entries).to_csv(tmp_path)
    assert path.read_text().splitlines()[1:] == ["bert [float32],8,8,0.02", "bert [bfloat16],8,8,0.02"]
    assert list(read_csv(path).frame["model"]) == ["bert [float32]", "bert [bfloat16]"]


def test_whole_megabytes_of_an_old_reader_are_read(tmp_path):
    memory = Measurement("ok", memory=MemoryUse("VmHWM", (347 << 20) + (1 << 19)))
    path = BenchmarkResults([(case_of(), memory)], {}, {"memory": True, "speed": False}).to_csv(tmp_path)[0]
    assert path.name == "inference_memory.csv"
    assert path.read_text().splitlines()[1] == "bert,8,8,348"
    assert read_csv(path).frame["memory_mb"].tolist() == [348.0]


def test_every_task_and_headline_has_a_file_name_of_its_own():
    headlines = [metric for metric in METRICS if metric.is_headline]
    stems = [file_stem(task.name, metric) for task in TASKS for metric in headlines]
    assert len(set(stems)) == len(stems)
    assert {"inference_time", "inference_memory", "train_time", "train_memory"} < set(stems)
