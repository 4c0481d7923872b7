"""Going on with a run of version 0.1.0."""

from __future__ import annotations

import json
import shutil

import pytest
from support.journals import OLD, lines_of, raw, replace_line
from support.models import short, tiny_bert

from hfbench_nb import ArgumentError, PyTorchBenchmark, load_results
from hfbench_nb.storage import formats
from hfbench_nb.storage.journal import FILE_NAME, Journal

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
