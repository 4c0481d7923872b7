"""What version 0.1.0 has written is read."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import statistics

import pytest
from support.journals import HERE, OLD, SETTINGS, lines_of, raw, replace_line
from support.measured import ok

from hfbench_nb import BenchmarkResults, load_results, read_csv
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.storage import formats, journal
from hfbench_nb.storage.journal import FILE_NAME, Contents, Entry


def test_an_axis_that_came_later_has_its_default_and_unknown_settings_stay_unknown(tmp_path):
    early = Case("PyTorch", "bert", "inference", 1, 8, Settings(dtype="bfloat16"))
    published = Case("PyTorch", "bert", "inference", 1, 16)
    arguments = {"threads": 3, "dtype": ["float32", "bfloat16"]}
    journal.write(tmp_path, Contents([HERE], arguments, {}, [Entry(early, ok()), Entry(published, ok())]))
    first, second = (entry.case for entry in journal.read(tmp_path).entries)
    assert first.settings == Settings({**SETTINGS, "dtype": "bfloat16", "threads": 3})
    assert second == published


@pytest.mark.parametrize("name", ["run", "added", "function"])
def test_an_old_journal_is_read_with_every_sample(name):
    head, lines = raw(name)
    assert head["hfbench_nb_format"] == 1
    loaded = load_results(OLD / name)
    assert len(loaded.entries) == len(lines)
    for (case_read, measurement), line in zip(loaded.entries, lines, strict=True):
        for field, value in line["cell"].items():
            assert getattr(case_read, field) == value
        old = line["measurement"]
        assert measurement.status == old["status"]
        assert measurement.note == old["details"].get("note", "")
        assert "note" not in measurement.details
        assert (measurement.failure is None) == (old["failure"] is None)
        if old["timing"] is None:
            assert measurement.timing is None
        else:
            assert measurement.timing.samples_s == tuple(old["timing"]["samples_s"])
            assert measurement.memory.peak_bytes == old["memory"]["peak_bytes"]
            assert measurement.memory.working_bytes == old["memory"]["working_bytes"]
    assert loaded.arguments == head["arguments"]
    assert loaded.environment == head["environment"]
    medians = [statistics.median((line["measurement"]["timing"] or {"samples_s": [0]})["samples_s"]) for line in lines]
    assert loaded.frame["time_s"].fillna(0).tolist() == medians


def test_an_old_run_has_the_settings_of_its_arguments():
    results = load_results(OLD / "run")
    assert results.labels == ["tiny"] * 12
    assert list(results.frame["status"]) == (["ok"] * 4 + ["error"] * 2) * 2
    assert list(results.frame["sequence_length"]) == [8, 8, 16, 16, 128, 128] * 2
    settings = Settings(
        device="auto", dtype="bfloat16", threads=1, huge_pages=False, torchscript=False, python=None, overlay=None,
        attn_implementation=None, weights="random", compile="none", quantization="none",
    )  # fmt: skip
    step = {"optimizer": "none", "gradient_checkpointing": False, "autocast": "none", "gradient_accumulation": 1}
    of_task = {"inference": settings, "training": Settings({**settings, **step, "lora_rank": 0})}
    assert all(case_read.settings == of_task[case_read.task] for case_read, _ in results.entries)
    assert {m.resolved for _, m in results.entries} == {Settings(device="cpu", threads=1)}
    assert set(results.frame["device"]) == {"cpu"}
    assert results.frame["error"][4] == "ValueError: sequence_length 128 is beyond the 64 positions of BertModel"
    assert str(results).count("SPEED - RESULT") == str(results).count("MEMORY - RESULT") == 2


def test_notes_and_versions_of_an_old_measurement_become_fields_and_environments(tmp_path):
    head, lines = raw("run")
    versions = ["4.57.6", "5.23.0"]
    head["environment"]["transformers_version"] = versions
    lines = lines[:2]
    for line, version in zip(lines, versions, strict=True):
        line["measurement"]["details"] |= {
            "transformers_version": version, "note": f"random {version}", "line_trace_failure": "no lines",
        }  # fmt: skip
    (tmp_path / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in [head, *lines]))
    loaded = load_results(tmp_path)
    assert [m.note for _, m in loaded.entries] == ["random 4.57.6", "random 5.23.0"]
    assert {m.line_trace_failure for _, m in loaded.entries} == {"no lines"}
    assert not any({"note", "line_trace_failure"} & set(m.details) for _, m in loaded.entries)
    assert [facts["transformers_version"] for facts in loaded.environments] == versions
    assert loaded.environment["transformers_version"] == versions
    assert loaded.labels == ["tiny (Transformers 4.57.6)", "tiny (Transformers 5.23.0)"]


@pytest.mark.parametrize("details", [{"note": 7}, {"line_trace_failure": []}, {"device": []}, {"framework_version": 1}])
def test_a_damaged_old_measurement_is_left_out_and_told(tmp_path, details):
    shutil.copy(OLD / "run" / FILE_NAME, tmp_path)
    replace_line(
        tmp_path,
        2,
        lambda line: {**line, "measurement": {**line["measurement"], "details": details}},
    )
    contents = journal.read(tmp_path)
    assert len(contents.entries) == 11
    assert len(contents.problems) == 1
    assert "line 2, is left out" in contents.problems[0]


def test_old_results_that_were_added_are_told_apart():
    results = load_results(OLD / "added")
    assert results.labels == ["tiny [bfloat16]"] * 12 + ["tiny [float16]"]
    assert list(results.frame["dtype"]) == ["bfloat16"] * 12 + ["float16"]
    assert set(results.frame["threads"]) == {1}
    nested = results.time_inference_result
    assert nested["tiny [bfloat16]"]["result"][1][8] == results.frame["time_s"][0]
    assert nested["tiny [float16]"]["result"][1][8] == results.frame["time_s"][12]


def test_an_old_function_is_read():
    results = load_results(OLD / "function")
    ((case_read, measurement),) = results.entries
    assert case_read == Case("Python", "sorted", "function")
    assert measurement.succeeded
    assert measurement.resolved == Settings(device="cpu")
    assert "FUNCTION - SPEED - RESULT" in str(results)


@pytest.mark.parametrize(("stem", "task"), [("inference", "inference"), ("train", "training")])
def test_old_csv_files_are_read(stem, task):
    frame = load_results(OLD / "run").frame
    frame = frame[frame["task"] == task]
    times = read_csv(OLD / "csv" / f"{stem}_time.csv", task=task).frame
    memories = read_csv(OLD / "csv" / f"{stem}_memory.csv", task=task).frame
    for read in (times, memories):
        for name in ("model", "task", "batch_size", "sequence_length", "status"):
            assert list(read[name]) == list(frame[name])
    assert times["time_s"].dropna().tolist() == pytest.approx(frame["time_s"].dropna().tolist(), rel=1e-5)
    assert memories["memory_mb"].dropna().tolist() == [int(mb) for mb in frame["memory_mb"].dropna()]


def test_csv_files_written_today_of_an_old_run_are_the_old_ones(tmp_path):
    load_results(OLD / "run").to_csv(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (OLD / "csv").iterdir()}
    for path in tmp_path.iterdir():
        new, old = path.read_bytes(), (OLD / "csv" / path.name).read_bytes()
        if "memory" in path.name:  # in whole MB, which that version rounded down
            new, old = (re.sub(rb"\d+(?=\r)", b"MB", text) for text in (new, old))
        assert new == old, path.name


def test_old_results_are_compared_with_themselves_and_with_those_of_today():
    old = load_results(OLD / "run")
    same = old.compare(old).frame
    assert len(same) == 12
    assert same["time_ratio"].dropna().tolist() == [1.0] * 8
    assert not same["time_differs"].dropna().any()
    settings = Settings({**SETTINGS, "dtype": "bfloat16"})
    entries = [
        (
            dataclasses.replace(case_read, settings=settings),
            Measurement("ok", Timing(tuple(2 * sample for sample in measurement.timing.samples_s)))
            if measurement.succeeded
            else Measurement("error", failure=measurement.failure),
        )
        for case_read, measurement in old.entries
    ]
    today = BenchmarkResults(entries, old.environment, {"memory": False})
    comparison = today.compare(old)
    assert comparison.frame["time_ratio"].dropna().tolist() == [2.0] * 8
    assert comparison.unmatched.empty
    assert set(comparison.frame["threads"]) == {2}
    assert set(comparison.frame["other_threads"]) == {1}
    assert set((old + today).labels) == {"tiny [1 thread]", "tiny [2 threads]"}
    added = load_results(OLD / "added")
    pairs = old.compare(added)
    assert len(pairs.pairs) == 12
    assert list(pairs.unmatched["model"]) == ["tiny [float16]"]


@pytest.mark.parametrize("name", ["run", "added", "function"])
def test_old_results_are_saved_in_todays_format_and_come_back_equal(tmp_path, name):
    old = load_results(OLD / name)
    old.save(tmp_path)
    head, *_ = lines_of(tmp_path)
    assert head["hfbench_nb_format"] == formats.NEWEST
    again = load_results(tmp_path)
    assert again.entries == old.entries
    assert again.environments == old.environments
    assert again.arguments == old.arguments
    assert again.labels == old.labels
    assert str(again) == str(old)
