"""Journals: what is written comes back, and so does what version 0.1.0 has written."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.measured import case_of, failed, ok, sweep
from support.models import short, tiny_bert
from support.places import TESTS

from hfbench_nb import ArgumentError, BenchmarkResults, PyTorchBenchmark, load_results, read_csv
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.storage import formats, journal
from hfbench_nb.storage.journal import FILE_NAME, Contents, Entry, Journal, number_environments

OLD = TESTS / "storage" / "data" / "version-0.1.0"
"""What version 0.1.0 has written: a run, two runs that were added, a function, and the CSV files of the run."""

HERE, THERE = {"device": "cpu", "kernel": "6"}, {"device": "cuda", "kernel": "6"}
SETTINGS = Settings(
    device="auto", dtype="float32", threads=2, huge_pages=False, python=None, overlay=None,
    attn_implementation=None, weights="random", compile="none", quantization="none", torchscript=False,
)  # fmt: skip


def case(length=8, **settings):
    return Case("PyTorch", "bert", "inference", 1, length, Settings({**SETTINGS, **settings}))


def lines_of(folder):
    return [json.loads(line) for line in (folder / FILE_NAME).read_text().splitlines()]


def replace_line(folder, number, change):
    """Change the data of a line, counted from 1."""
    lines = lines_of(folder)
    lines[number - 1] = change(lines[number - 1])
    (folder / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))


# ---- today's format


def test_each_environment_is_written_once_and_each_line_names_its_own(tmp_path):
    rows = [(case(8), ok(), HERE), (case(16), ok(), THERE), (case(32), failed(), dict(HERE))]
    contents = number_environments(rows, [THERE], {"threads": 2}, {"bert": {"hidden_size": 32}})
    assert contents.environments == [THERE, HERE]
    assert [entry.environment for entry in contents.entries] == [1, 0, 1]
    assert journal.write(tmp_path / "new" / "folder", contents) == tmp_path / "new" / "folder" / FILE_NAME
    head, *lines = lines_of(tmp_path / "new" / "folder")
    assert head == {
        "hfbench_nb_format": formats.NEWEST,
        "environments": [THERE, HERE],
        "arguments": {"threads": 2},
        "configurations": {"bert": {"hidden_size": 32}},
    }
    assert [(line["case"]["sequence_length"], line["environment"]) for line in lines] == [(8, 1), (16, 0), (32, 1)]
    assert journal.read(tmp_path / "new" / "folder") == contents


def test_environments_are_not_shared_with_the_caller():
    facts = dict(HERE)
    contents = number_environments([(case(), ok(), facts)], [facts], {})
    facts["device"] = "changed"
    assert contents.environments == [HERE]


def test_given_environments_stay_also_where_no_row_has_them():
    assert number_environments([], [HERE, THERE], {}).environments == [HERE, THERE]
    assert number_environments([(case(), ok(), THERE)], [], {}).environments == [THERE]


def test_a_journal_is_added_to_case_by_case(tmp_path):
    entries = [Entry(case(8), ok()), Entry(case(16), failed(), 1)]
    with contextlib.closing(Journal(tmp_path)) as kept:
        assert kept.contents == Contents([], {})
        kept.begin(Contents([HERE, THERE], {"threads": 2}))
        assert journal.read(tmp_path).entries == []
        for number, entry in enumerate(entries, start=1):
            kept.add(entry)
            assert journal.read(tmp_path).entries == entries[:number]
    with contextlib.closing(Journal(tmp_path, resume=True)) as again:
        assert again.contents == Contents([HERE, THERE], {"threads": 2}, {}, entries)
        again.begin(again.contents)
        again.add(Entry(case(32), ok()))
    assert [entry.case.sequence_length for entry in journal.read(tmp_path).entries] == [8, 16, 32]


def test_a_case_that_could_not_be_written_is_written_with_the_next(tmp_path, monkeypatch):
    with contextlib.closing(Journal(tmp_path)) as kept:
        kept.begin(Contents([HERE], {}))
        with monkeypatch.context() as full:
            full.setattr(journal.os, "fsync", fail)
            with pytest.raises(OSError, match="no space"):
                kept.add(Entry(case(8), ok()))
            assert len(lines_of(tmp_path)) == 1
        kept.add(Entry(case(16), ok()))
    contents = journal.read(tmp_path)
    assert ([entry.case.sequence_length for entry in contents.entries], contents.problems) == ([8, 16], [])


def fail(*_):
    raise OSError("no space")


@pytest.mark.parametrize("number", [-1, True, 0.0, "0", None, [0]])
def test_a_line_with_the_number_of_no_environment_is_a_problem(tmp_path, number):
    journal.write(tmp_path, Contents([HERE, THERE], {}, {}, [Entry(case(8), ok(), 1), Entry(case(16), ok(), 0)]))
    replace_line(tmp_path, 2, lambda line: {**line, "environment": number})
    contents = journal.read(tmp_path)
    assert [entry.case.sequence_length for entry in contents.entries] == [16]
    (problem,) = contents.problems
    assert problem.startswith(f"{tmp_path / FILE_NAME}, line 2, is left out: ")
    assert "environment cannot be" in problem


@pytest.mark.parametrize("name", ["environment", "case", "measurement"])
def test_a_line_that_lacks_something_is_a_problem(tmp_path, name):
    journal.write(tmp_path, Contents([HERE], {}, {}, [Entry(case(8), ok()), Entry(case(16), ok())]))
    replace_line(tmp_path, 3, lambda line: {key: value for key, value in line.items() if key != name})
    contents = journal.read(tmp_path)
    assert [entry.case.sequence_length for entry in contents.entries] == [8]
    assert contents.problems == [f"{tmp_path / FILE_NAME}, line 3, is left out: it lacks {name!r}"]


def test_a_torn_line_is_a_problem_wherever_it_was_torn(tmp_path):
    path = journal.write(tmp_path, Contents([HERE], {}, {}, [Entry(case(8), ok()), Entry(case(16), ok())]))
    whole = path.read_bytes()
    begin = whole.rindex(b'{"case"')
    for end in (begin + 1, begin + 20, len(whole) - 2):
        path.write_bytes(whole[:end])
        contents = journal.read(tmp_path)
        assert [entry.case.sequence_length for entry in contents.entries] == [8]
        (problem,) = contents.problems
        assert problem == f"{path}, line 3, is left out: it is truncated, the run ended while it was written"


def test_a_damaged_line_in_the_middle_does_not_hide_the_others(tmp_path):
    path = journal.write(tmp_path, Contents([HERE], {}, {}, [Entry(case(n), ok()) for n in (8, 16, 32)]))
    lines = path.read_bytes().split(b"\n")
    lines[2] = b"not JSON"
    path.write_bytes(b"\n".join(lines))
    contents = journal.read(tmp_path)
    assert [entry.case.sequence_length for entry in contents.entries] == [8, 32]
    assert len(contents.problems) == 1
    with pytest.warns(UserWarning, match="line 3, is left out"):
        assert len(load_results(tmp_path).entries) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"hfbench_nb_format": 4},
        {"hfbench_nb_format": "2"},
        {"hfbench_nb_format": None},
        {"environments": {}},
        {"environments": [[]]},
        {"environments": None},
        {"arguments": []},
        {"configurations": []},
    ],
)
def test_a_head_of_another_form_is_refused(tmp_path, change):
    journal.write(tmp_path, Contents([HERE], {}, {}, [Entry(case(8), ok())]))
    replace_line(tmp_path, 1, lambda head: {**head, **change})
    with pytest.raises(ArgumentError, match="cannot be read as results of hfbench_nb"):
        journal.read(tmp_path)


@pytest.mark.parametrize("name", ["hfbench_nb_format", "environments", "arguments"])
def test_a_head_that_lacks_something_is_refused(tmp_path, name):
    journal.write(tmp_path, Contents([HERE], {}, {}, [Entry(case(8), ok())]))
    replace_line(tmp_path, 1, lambda head: {key: value for key, value in head.items() if key != name})
    with pytest.raises(ArgumentError, match="cannot be read as results of hfbench_nb"):
        load_results(tmp_path)


@given(st.binary(max_size=200))
def test_any_bytes_after_the_head_are_read_or_told(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "any-journal"
    path = journal.write(folder, Contents([HERE], {}, {}, [Entry(case(8), ok())]), overwrite=True)
    path.write_bytes(path.read_bytes() + data)
    try:
        contents = journal.read(folder)
    except ArgumentError:
        with pytest.raises(UnicodeDecodeError):
            data.decode()
        return
    assert len(contents.entries) == 1
    assert len(contents.problems) == len(data.split(b"\n")) - (data.split(b"\n")[-1] == b"")


def test_an_axis_that_came_later_has_its_default_and_unknown_settings_stay_unknown(tmp_path):
    early = Case("PyTorch", "bert", "inference", 1, 8, Settings(dtype="bfloat16"))
    published = Case("PyTorch", "bert", "inference", 1, 16)
    arguments = {"threads": 3, "dtype": ["float32", "bfloat16"]}
    journal.write(tmp_path, Contents([HERE], arguments, {}, [Entry(early, ok()), Entry(published, ok())]))
    first, second = (entry.case for entry in journal.read(tmp_path).entries)
    assert first.settings == Settings({**SETTINGS, "dtype": "bfloat16", "threads": 3})
    assert second == published


def test_results_of_several_places_come_back_with_theirs(tmp_path):
    entries = [(case(8, device="cpu"), ok()), (case(8, device="cuda"), ok()), (case(16, device="cpu"), ok())]
    results = BenchmarkResults(entries, {}, {"memory": True}, environments=[HERE, THERE, HERE])
    results.save(tmp_path)
    loaded = load_results(tmp_path)
    assert loaded.entries == results.entries
    assert loaded.environments == results.environments
    assert loaded.environment == {"device": ["cpu", "cuda"], "kernel": "6"}
    assert loaded.labels == ["bert [cpu]", "bert [cuda]", "bert [cpu]"]


# ---- what version 0.1.0 has written


def raw(name):
    """Return the lines of an old journal as they are written: head and cases."""
    head, *lines = lines_of(OLD / name)
    return head, lines


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


# ---- going on with a run of version 0.1.0

OLD_RUN = {
    "batch_sizes": [1, 2], "sequence_lengths": [8, 16, 128], "training": True, "dtype": "bfloat16", "threads": 1,
    "timeout_s": 3600.0, "max_seconds": 0.05,
}  # fmt: skip


def of_old_run(**given):
    return PyTorchBenchmark(short(**{**OLD_RUN, **given}), configs=[tiny_bert()])


@pytest.fixture(scope="module")
def todays_head(tmp_path_factory):
    """Return the head of the journal that a run as the old one has on this machine today."""
    folder = tmp_path_factory.mktemp("today")
    of_old_run(batch_sizes=[1], sequence_lengths=[8], training=False, memory=False).run(folder)
    return lines_of(folder)[0]


@pytest.fixture
def old_run(tmp_path, todays_head):
    """Copy the old run as if it had been measured on this machine, with today's versions."""
    folder = tmp_path / "old"
    folder.mkdir()
    shutil.copy(OLD / "run" / FILE_NAME, folder)
    (environment,) = todays_head["environments"]

    def move(head):
        configuration = {**todays_head["configurations"]["tiny"], **head["configurations"]["tiny"]}
        configuration["transformers_version"] = environment["transformers_version"]
        return {**head, "environment": environment, "configurations": {"tiny": configuration}}

    replace_line(folder, 1, move)
    return folder


def places_of(cases):
    return [(c.task, c.batch_size, c.sequence_length) for c in cases]


def check_that_old_rows_are_kept(folder):
    """Compare the text of what was measured with that in the old file."""
    texts = (folder / FILE_NAME).read_text()
    _, lines = raw("run")
    for line in lines:
        if line["measurement"]["status"] == "ok":
            for name in ("timing", "memory"):
                text = json.dumps(line["measurement"][name], separators=(",", ":")).rstrip("}")  # fields may follow
                assert text in (OLD / "run" / FILE_NAME).read_text()
                assert texts.count(text) == 1


def test_todays_environment_has_the_facts_of_the_old_one(todays_head):
    head, _ = raw("run")
    later = {"transparent_huge_pages"}
    assert [name for name in todays_head["environments"][0] if name not in later] == list(head["environment"])


def test_an_old_run_is_resumed_with_more_lengths(old_run, measured):
    old = load_results(old_run)
    results = of_old_run(sequence_lengths=[8, 16, 24, 128]).run(resume=old_run)
    failed_before = [("inference", 1, 128), ("training", 1, 128), ("inference", 2, 128), ("training", 2, 128)]
    new = [("inference", 1, 24), ("training", 1, 24), ("inference", 2, 24), ("training", 2, 24)]
    assert sorted(places_of(measured)) == sorted(failed_before + new)
    assert list(results.frame["sequence_length"]) == [8, 8, 16, 16, 24, 24, 128, 128] * 2
    assert list(results.frame["status"]) == (["ok"] * 6 + ["error"] * 2) * 2
    assert set(results.labels) == {"tiny"}
    kept = [entry for entry in results.entries if entry[0].sequence_length in (8, 16)]
    assert kept == [entry for entry in old.entries if entry[0].sequence_length in (8, 16)]
    check_that_old_rows_are_kept(old_run)
    loaded = load_results(old_run)
    assert lines_of(old_run)[0]["hfbench_nb_format"] == formats.NEWEST
    assert set(map(repr, loaded.entries)) == set(map(repr, results.entries))
    measured.clear()
    of_old_run(sequence_lengths=[8, 16, 24]).run(resume=old_run)
    assert measured == []


def test_an_old_run_is_resumed_with_another_data_type(old_run, measured):
    given = {"batch_sizes": [1], "sequence_lengths": [8], "training": False}
    results = of_old_run(**given, dtype=["bfloat16", "float32"]).run(resume=old_run)
    assert [c.settings["dtype"] for c in measured] == ["float32"]
    assert results.labels == ["tiny [bfloat16]", "tiny [float32]"]
    assert list(results.frame["status"]) == ["ok", "ok"]
    check_that_old_rows_are_kept(old_run)
    loaded = load_results(old_run)
    assert sorted(loaded.frame["dtype"]) == ["bfloat16"] * 12 + ["float32"]


def test_an_old_run_is_not_resumed_with_other_arguments_or_elsewhere(old_run, measured):
    before = (old_run / FILE_NAME).read_bytes()
    with pytest.raises(ArgumentError, match=r"What differs: seed \(0 in the journal, 1 now\)\.$"):
        of_old_run(seed=1).run(resume=old_run)
    assert (old_run / FILE_NAME).read_bytes() == before
    shutil.copy(OLD / "run" / FILE_NAME, old_run)
    replace_line(old_run, 1, lambda head: {**head, "environment": {**head["environment"], "cpu_model": "Abacus"}})
    with pytest.raises(ArgumentError, match=r"cpu_model \('Abacus' in the journal, "):
        of_old_run().run(resume=old_run)
    assert measured == []


def test_an_old_folder_is_not_overwritten(tmp_path):
    shutil.copy(OLD / "run" / FILE_NAME, tmp_path)
    with pytest.raises(ArgumentError, match="give resume= instead"):
        Journal(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == (OLD / "run" / FILE_NAME).read_bytes()


def test_cases_of_results_in_memory_need_no_settings(tmp_path):
    results = BenchmarkResults([(case_of(), ok(note="random")), (case_of("gpt2"), failed())], HERE, {})
    results.save(tmp_path)
    assert load_results(tmp_path).entries == results.entries


def test_the_file_that_save_returns_is_read_like_its_folder(tmp_path):
    saved = sweep().save(tmp_path / "saved")
    assert load_results(saved).entries == load_results(tmp_path / "saved").entries == sweep().entries
    assert load_results(saved).folder == tmp_path / "saved"
