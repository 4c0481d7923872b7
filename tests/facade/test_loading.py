"""Results that are saved and loaded again."""

from __future__ import annotations

import json

import pytest
from support.measured import sweep

from hfbench_nb import ArgumentError, load_results

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def test_saved_results_come_back_with_every_sample(results, tmp_path):
    results.save(tmp_path / "run")
    loaded = load_results(tmp_path / "run")
    assert loaded.entries == results.entries
    assert loaded.environment == results.environment
    assert str(loaded) == str(results)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["results.jsonl"]


def test_saving_never_replaces_the_results_of_another_run_unasked(results, tmp_path):
    path = results.save(tmp_path)
    assert results.save(tmp_path) == path  # these again
    (results + results).save(tmp_path)  # and more
    other = sweep(["another"])
    with pytest.raises(ArgumentError, match="without other results: overwrite=True replaces them"):
        other.save(tmp_path)
    assert load_results(tmp_path).frame["model"].tolist() == (results + results).frame["model"].tolist()
    other.save(tmp_path, overwrite=True)
    assert set(load_results(tmp_path).frame["model"]) == {"another"}
    path.write_text("a diary")
    with pytest.raises(ArgumentError, match="overwrite=True"):
        results.save(tmp_path)
    assert path.read_text() == "a diary"


def test_a_torn_line_is_left_out_and_said(results, tmp_path):
    path = results.save(tmp_path)
    path.write_text(path.read_text()[:-40])
    with pytest.warns(UserWarning, match=r"results\.jsonl, line 5, is left out"):
        assert len(load_results(tmp_path).entries) == 3


def test_other_formats_are_refused(results, tmp_path):
    with pytest.raises(ArgumentError, match="cannot be read as results"):
        load_results(tmp_path)
    path = results.save(tmp_path)
    head, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(head), "hfbench_nb_format": 99}), *rest]))
    with pytest.raises(ArgumentError, match="has format 99; this version reads 1, 2, 3"):
        load_results(tmp_path)
