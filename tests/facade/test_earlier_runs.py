from __future__ import annotations

import pickle

import pandas as pd
import pytest
from support.function_models import function_benchmark

from hfbench_nb import ArgumentError, last_results, load_results, runs
from hfbench_nb.frontends import cli

pytestmark = pytest.mark.quick


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_the_runs_in_the_cache_are_listed_the_newest_first(cache, capsys):
    first = function_benchmark().run()
    second = function_benchmark(sequence_lengths=[8, 16]).run()
    listed = runs()
    assert listed["folder"].tolist() == [str(second.folder), str(first.folder)]
    assert listed[["framework", "models", "cases", "failed"]].to_numpy().tolist() == [
        ["Functions", "fine", 2, 0],
        ["Functions", "fine", 1, 0],
    ]
    assert load_results(listed["folder"][1]).frame["status"].tolist() == ["ok"]
    assert last_results().folder == second.folder
    assert cli.main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Functions  fine  2 cases" in lines[0]
    assert lines[1].strip() == str(second.folder)


def test_without_any_run_there_is_an_empty_list(cache, capsys):
    assert runs().empty
    with pytest.raises(ArgumentError, match="no run has stored any"):
        last_results()
    assert cli.main(["runs"]) == 0
    assert "No runs are stored" in capsys.readouterr().out


def test_what_is_damaged_or_has_no_case_is_left_out(cache):
    done = function_benchmark().run()
    assert done.folder is not None
    for name, text in (("2026-01-01_00-00-00_1_1", "torn"), ("2026-01-01_00-00-00_1_2", "")):
        (done.folder.parent / name).mkdir()
        (done.folder.parent / name / "results.jsonl").write_text(text)
    (done.folder.parent / "2026-01-01_00-00-00_1_3").mkdir()
    assert runs()["folder"].tolist() == [str(done.folder)]


def test_folders_are_shown_whole(tmp_path, monkeypatch):
    long = tmp_path / ("a-long-name-" * 8)
    monkeypatch.setenv("XDG_CACHE_HOME", str(long))
    folder = str(function_benchmark().run().folder)
    for listed in (runs(), runs().head(1), runs()[["folder", "cases"]]):
        assert folder in repr(listed)
        assert folder in listed._repr_html_()
    assert pd.get_option("display.max_colwidth") == 50
    again = pickle.loads(pickle.dumps(runs()))
    assert again["folder"].tolist() == [folder]
