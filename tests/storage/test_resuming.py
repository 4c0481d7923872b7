"""Runs in folders: going on with one, what is refused, and that nothing which was measured is lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest
from support.function_models import function_benchmark
from support.functions_backend import fine
from support.models import short, tiny_bert
from support.places import TESTS

from hfbench_nb import ArgumentError, PyTorchBenchmark, load_results
from hfbench_nb.arguments.pytorch import PyTorchBenchmarkArguments
from hfbench_nb.frontends import cli
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import Failure, Measurement
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.storage import run_folders
from hfbench_nb.storage.journal import FILE_NAME, Contents, Entry, Journal
from hfbench_nb.storage.resuming import differences


def bert(**given):
    return PyTorchBenchmark(short(models=["bert"], memory=False, **given), configs=[tiny_bert()])


def brief(**given):
    """Make a benchmark of what needs no framework: its cases take less time."""
    return function_benchmark(memory=False, **given)


def names_and_lengths(cases):
    return [(case.model, case.sequence_length) for case in cases]


def lines_of(folder):
    return (folder / FILE_NAME).read_bytes().splitlines(keepends=True)


def test_only_what_is_missing_is_measured_and_all_is_in_the_order_of_the_plan(tmp_path, measured):
    first = brief(sequence_lengths=[16, 32]).run(tmp_path)
    second = brief(sequence_lengths=[8, 16, 24, 32]).run(resume=str(tmp_path))
    assert names_and_lengths(measured) == [("fine", n) for n in (16, 32, 8, 24)]
    assert list(second.frame["sequence_length"]) == [8, 16, 24, 32]
    assert second.entries[1::2] == first.entries
    assert second.folder == tmp_path
    loaded = load_results(tmp_path)
    assert set(map(repr, loaded.entries)) == set(map(repr, second.entries))
    assert loaded.arguments["sequence_lengths"] == [8, 16, 24, 32]


def test_what_is_not_asked_for_now_stays_in_the_folder(tmp_path, measured):
    brief(sequence_lengths=[8, 16]).run(tmp_path)
    again = brief(sequence_lengths=[16, 24]).run(resume=tmp_path)
    assert list(again.frame["sequence_length"]) == [16, 24]
    assert list(load_results(tmp_path).frame["sequence_length"]) == [8, 16, 24]


def test_a_run_that_was_killed_is_resumed(tmp_path):
    code = """
        import sys
        from support.function_models import function_benchmark
        function_benchmark(models=["fine", "hangs"], memory=False).run(sys.argv[1])
    """
    script = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], cwd=TESTS)
    while not (tmp_path / FILE_NAME).exists() or len(lines_of(tmp_path)) < 2:
        assert script.poll() is None
        time.sleep(0.05)
    script.send_signal(signal.SIGKILL)
    script.wait()
    resumed = function_benchmark(models=["fine", "hangs"], memory=False, timeout_s=1.0).run(resume=tmp_path)
    assert list(resumed.frame["status"]) == ["ok", "timeout"]


def test_a_torn_last_line_is_cut_off_and_said(tmp_path, measured):
    brief(sequence_lengths=[8, 16]).run(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.warns(UserWarning, match="line 3, is left out: it is truncated, the run ended while it was") as told:
        resumed = brief(sequence_lengths=[8, 16]).run(resume=tmp_path)
    assert told[0].filename == __file__
    assert names_and_lengths(measured) == [("fine", 8), ("fine", 16), ("fine", 16)]
    assert load_results(tmp_path).entries == resumed.entries
    assert [json.loads(line) for line in lines_of(tmp_path)]


def test_a_last_line_that_lacks_its_line_feed_alone_is_whole(tmp_path):
    results = brief().run(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert load_results(tmp_path).entries == results.entries


STATUSES = ("ok", "oom", "timeout", "error", "crashed", "cancelled")


def failed(status):
    return Measurement(status, failure=Failure("E", "before"))


@pytest.mark.parametrize(("timeout_s", "kept"), [(60.0, ["ok", "oom", "timeout"]), (61.0, ["ok", "oom"])])
def test_findings_are_kept_and_accidents_are_measured_again(tmp_path, measured, timeout_s, kept):
    brief(factory=fine, models=list(STATUSES)).run(tmp_path)
    with contextlib.closing(Journal(tmp_path, resume=True)) as journal:
        entries = [
            entry if entry.measurement.status == status else replace(entry, measurement=failed(status))
            for entry, status in zip(journal.contents.entries, STATUSES, strict=True)
        ]
        journal.begin(replace(journal.contents, entries=entries))
    measured.clear()
    resumed = brief(factory=fine, models=list(STATUSES), timeout_s=timeout_s).run(resume=tmp_path)
    assert [case.model for case in measured] == [status for status in STATUSES if status not in kept]
    assert list(resumed.frame["status"]) == [status if status in kept else "ok" for status in STATUSES]
    assert len(load_results(tmp_path).entries) == len(STATUSES)


def test_other_arguments_are_refused_and_named(tmp_path, measured):
    brief().run(tmp_path)
    before = lines_of(tmp_path)
    with pytest.raises(ArgumentError) as refused:
        brief(precision=0.05, seed=7, verbose=True, timeout_s=7.0).run(resume=tmp_path)
    assert str(refused.value) == (
        f"resume={str(tmp_path)!r} cannot be used: its cases were measured differently from now. What "
        "differs: precision (0.02 in the journal, 0.05 now); seed (0 in the journal, 7 now)."
    )
    assert lines_of(tmp_path) == before
    assert len(measured) == 1


def test_other_values_of_an_axis_are_measured_beside_those_that_are_there(tmp_path, measured):
    bert(threads=1).run(tmp_path)
    both = bert(threads=1, dtype=["float32", "bfloat16"]).run(resume=tmp_path)
    assert len(measured) == 2
    assert list(both.frame["dtype"]) == ["float32", "bfloat16"]
    assert list(both.frame["status"]) == ["ok", "ok"]
    assert list(bert(threads=1, fp16=True).run(resume=tmp_path).frame["dtype"]) == ["float16"]
    assert sorted(load_results(tmp_path).frame["dtype"]) == ["bfloat16", "float16", "float32"]


def test_another_number_of_threads_by_default_is_refused(tmp_path):
    bert().run(tmp_path)
    head, *rest = lines_of(tmp_path)
    facts = json.loads(head)
    facts["environments"][0]["threads"] += 1
    (tmp_path / FILE_NAME).write_bytes(b"".join([json.dumps(facts).encode() + b"\n", *rest]))
    with pytest.raises(ArgumentError, match=r"What differs: threads \("):
        bert().run(resume=tmp_path)
    assert list(bert(threads=1).run(resume=tmp_path).frame["status"]) == ["ok"]


def test_another_configuration_of_the_same_name_is_refused_and_named(tmp_path):
    bert().run(tmp_path)
    other = PyTorchBenchmark(short(models=["bert"], memory=False), configs=[tiny_bert(hidden_size=64)])
    with pytest.raises(ArgumentError, match=r"configuration of 'bert': hidden_size \(32 in the journal, 64 now\)\.$"):
        other.run(resume=tmp_path)


def test_another_machine_or_version_is_refused_and_named(tmp_path):
    brief().run(tmp_path)
    head, *rest = lines_of(tmp_path)
    facts = json.loads(head)
    facts["environments"][0].update(cpu_model="Abacus", date="1999-12-31", framework_version="0.1")
    del facts["environments"][0]["kernel"]
    (tmp_path / FILE_NAME).write_bytes(b"".join([json.dumps(facts).encode() + b"\n", *rest]))
    with pytest.raises(ArgumentError) as refused:
        brief().run(resume=tmp_path)
    differing = str(refused.value).partition("What differs: ")[2].split("; ")
    assert [text.split(" (")[0] for text in differing] == ["framework_version", "cpu_model", "kernel"]
    assert differing[1].startswith("cpu_model ('Abacus' in the journal, '")
    assert differing[2].startswith("kernel (absent in the journal, '")


def test_long_values_are_shortened():
    entry = Entry(Case("PyTorch", "m", "inference", 1, 8), Measurement("ok", timing=Timing((1.0,))))
    before = Contents([{"x": 1}], {}, {"m": {"labels": "a" * 999}}, [entry])
    now = Contents([{"x": 1}], {}, {"m": {"labels": "a" * 998}}, [entry])
    (difference,) = differences(before, now, PyTorchBenchmarkArguments, [Settings()])
    assert difference.startswith("configuration of 'm': labels (")
    assert len(difference) < 600
    unknown = Contents([{"x": 1}], {}, {}, [entry])
    assert differences(unknown, now, PyTorchBenchmarkArguments, [Settings()]) == [
        "configuration of 'm' (absent in the journal)"
    ]


def test_results_are_not_overwritten(tmp_path, measured):
    brief().run(tmp_path)
    before = lines_of(tmp_path)
    with pytest.raises(ArgumentError, match=r"folder='.*' cannot be used: .* without results: give resume= instead"):
        brief().run(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / FILE_NAME).write_text("not ours")
    with pytest.raises(ArgumentError, match="folder='.*other' cannot be used"):
        brief().run(tmp_path / "other")
    assert lines_of(tmp_path) == before
    assert len(measured) == 1


def test_a_run_that_finished_no_case_leaves_nothing_to_lose(tmp_path):
    brief().run(tmp_path / "run")
    head = lines_of(tmp_path / "run")[0]
    (tmp_path / "run" / FILE_NAME).write_bytes(head)
    assert list(brief().run(tmp_path / "run").frame["status"]) == ["ok"]


def test_folder_and_resume_contradict_each_other_and_a_run_must_be_there(tmp_path):
    with pytest.raises(ArgumentError, match="folder='a' and resume='b' contradict each other: .* give only resume"):
        brief().run("a", "b")
    with pytest.raises(ArgumentError, match=f"resume='.*none' cannot be used: .* with its {FILE_NAME}"):
        brief().run(resume=tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path):
    with pytest.raises(Exception, match="xpu"):
        bert(device="xpu:7").run(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    results = brief().run()
    with contextlib.closing(Journal(tmp_path)):
        for write in (brief().run, results.save):
            with pytest.raises(ArgumentError, match=rf"another run \(process {os.getpid()}\) is writing to it"):
                write(tmp_path)
    assert list(brief().run(tmp_path).frame["status"]) == ["ok"]


def test_the_shell_names_the_folder_and_resumes(tmp_path, monkeypatch, capsys, measured):
    from support.tiny import TINY

    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text(json.dumps(TINY["bert"]))
    words = "pytorch --models tiny --batch_sizes 1 --max_seconds 0.05 --no-memory --rounds 1"
    assert cli.main([*words.split(), "--sequence_lengths", "8", "--folder", "kept"]) == 0
    assert cli.main([*words.split(), "--sequence_lengths", "8", "16", "--resume", "kept"]) == 0
    assert names_and_lengths(measured) == [("tiny", 8), ("tiny", 16)]
    assert list(load_results("kept").frame["sequence_length"]) == [8, 16]
    assert "folder" not in load_results("kept").arguments
    assert cli.main([*words.split(), "--sequence_lengths", "8", "--folder", "kept"]) == 2
    assert "hfbench: folder='kept' cannot be used" in capsys.readouterr().err


# ---- runs in the cache


def make_run(runs, name, days_old, *others):
    (runs / name).mkdir(parents=True)
    written_s = time.time() - days_old * 86_400
    for file in (FILE_NAME, *others):
        (runs / name / file).touch()
        os.utime(runs / name / file, (written_s, written_s))


def test_old_runs_in_the_cache_are_removed_but_not_the_newest_nor_what_users_put_there(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folders, "KEPT_RUNS", 2)
    old, new = "2025-01-0{}_10-00-00_4711_1", "2026-01-0{}_10-00-00_4711_1"
    make_run(tmp_path, old.format(1), 40)
    make_run(tmp_path, old.format(2), 40, "notes.txt")
    make_run(tmp_path, old.format(3), 29)
    make_run(tmp_path, "my-runs", 400)
    make_run(tmp_path, new.format(1), 2)
    make_run(tmp_path, new.format(2), 1)
    (tmp_path / old.format(4)).symlink_to(tmp_path / "my-runs")
    run_folders.prune(tmp_path)
    left = {old.format(2), old.format(3), old.format(4), "my-runs", new.format(1), new.format(2)}
    assert {entry.name for entry in tmp_path.iterdir()} == left
    assert (tmp_path / "my-runs" / FILE_NAME).exists()
    assert (tmp_path / old.format(2) / FILE_NAME).exists()


def test_the_newest_runs_stay_however_old(tmp_path):
    names = [f"2020-01-01_10-00-00_4711_{i}" for i in range(3)]
    for name in names:
        make_run(tmp_path, name, 400)
    run_folders.prune(tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == set(names)


def test_a_run_makes_room_in_the_cache(monkeypatch):
    folder = brief().run().folder
    assert run_folders._NAME.fullmatch(folder.name)
    os.utime(folder / FILE_NAME, (0, 0))
    monkeypatch.setattr(run_folders, "KEPT_RUNS", 0)
    brief().run()
    assert not folder.exists()
