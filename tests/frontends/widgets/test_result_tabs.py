"""The tabs of results."""

from __future__ import annotations

import json
import time

import pytest
from support.tiny import TINY
from support.widgets import can_run, find, only, run_to_its_end, shown, status

from hfbench_nb.frontends.widgets.background import current_run

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_a_run_fills_the_tabs(quick):
    run_to_its_end(quick)
    assert list(quick.results.frame["status"]) == ["ok", "ok", "error"]
    assert "<table" in only(quick, "table").value
    assert 'src="data:image/png;base64,' in only(quick, "curves").value
    assert "python_version" in only(quick, "environment").value
    log = only(quick, "log").value
    assert "3 of 3: " in log
    assert "beyond the 64 positions" in log
    assert status(quick).startswith("3 of 3 cases in ")
    assert (only(quick, "progress").done, only(quick, "progress").total) == (3, 3)
    assert can_run(quick)
    assert only(quick, "stop").disabled
    first = quick.results
    run_to_its_end(quick)
    assert quick.results is not first
    assert len(quick.results.entries) == 3


def test_what_was_unfolded_stays_so_while_rows_arrive(quick):
    run_to_its_end(quick)
    reasons, text = only(quick, "part-failures"), only(quick, "part-copy")
    assert reasons.button.description == "1 case without a value: why"
    assert not reasons.is_open
    text.is_open = True
    run_to_its_end(quick)
    assert (reasons.is_open, text.is_open) == (False, True)
    assert shown(quick, "part-copy")
    assert find(quick, "part-environment") == []  # it has a tab of its own


def test_the_table_grows_while_other_code_runs(make, model):
    panel = make(
        models=[model], batch_sizes=[1], sequence_lengths=[8, 16, 32, 64], max_seconds=0.3, rounds=1, precision=1e-9
    )
    seen = []
    only(panel, "run").click()
    assert not can_run(panel)
    while current_run() is not None:  # this thread is as free as a kernel
        seen.append((only(panel, "table").value.count("title="), status(panel)))
        time.sleep(0.02)
    assert len({count for count, _ in seen}) > 2
    assert any("sequence length 32" in text and "left" in text for _, text in seen)


def test_names_are_escaped(make, tmp_path):
    bad = tmp_path / "<script>alert(1)<"
    bad.mkdir()
    (bad / "config.json").write_text(json.dumps(TINY["bert"]))
    panel = make(models=[str(bad)], batch_sizes=[1], sequence_lengths=[8, 128], max_seconds=0.05, rounds=1)
    run_to_its_end(panel)
    for name in ("table", "environment", "log", "status"):
        assert "<script>" not in only(panel, name).value
