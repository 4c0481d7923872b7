"""Journals: what is written comes back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.journals import HERE, THERE, case, lines_of, replace_line
from support.measured import case_of, failed, ok, sweep

from hfbench_nb import ArgumentError, BenchmarkResults, load_results
from hfbench_nb.storage import formats, journal
from hfbench_nb.storage.journal import FILE_NAME, Contents, Entry, Journal, number_environments


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
        {"hfbench_nb_format": 5},
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


def test_results_of_several_places_come_back_with_theirs(tmp_path):
    entries = [(case(8, device="cpu"), ok()), (case(8, device="cuda"), ok()), (case(16, device="cpu"), ok())]
    results = BenchmarkResults(entries, {}, {"memory": True}, environments=[HERE, THERE, HERE])
    results.save(tmp_path)
    loaded = load_results(tmp_path)
    assert loaded.entries == results.entries
    assert loaded.environments == results.environments
    assert loaded.environment == {"device": ["cpu", "cuda"], "kernel": "6"}
    assert loaded.labels == ["bert [cpu]", "bert [cuda]", "bert [cpu]"]


def test_cases_of_results_in_memory_need_no_settings(tmp_path):
    results = BenchmarkResults([(case_of(), ok(note="random")), (case_of("gpt2"), failed())], HERE, {})
    results.save(tmp_path)
    assert load_results(tmp_path).entries == results.entries


def test_the_file_that_save_returns_is_read_like_its_folder(tmp_path):
    saved = sweep().save(tmp_path / "saved")
    assert load_results(saved).entries == load_results(tmp_path / "saved").entries == sweep().entries
    assert load_results(saved).folder == tmp_path / "saved"
