"""Earlier runs in the panel."""

from __future__ import annotations

import pytest
from support.widgets import only, run_to_its_end, status, wait_for_the_end

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_an_earlier_run_is_opened_and_resumed(quick, make, model):
    run_to_its_end(quick)
    folder = str(quick.results.folder)
    panel = make(models=["gpt2"], dtype="bfloat16")
    only(panel, "earlier").is_open = True
    runs_listed = only(panel, "earlier-list")
    assert runs_listed.options[0][1] == folder
    assert runs_listed.options[0][0].endswith("3 cases, 1 failed")
    only(panel, "open").click()
    assert status(panel).startswith("An earlier run: 3 cases, 1 failed.")
    assert list(panel.results.frame["status"]) == ["ok", "ok", "error"]
    assert "<table" in only(panel, "table").value
    assert (panel.args.models, panel.args.sequence_lengths, panel.args.dtype) == ([model], [8, 16, 128], "float32")
    only(panel, "resume").click()
    wait_for_the_end(panel, 60.0)
    assert status(panel).startswith("3 of 3 cases in ")
    assert "2 of them kept from before" in status(panel)
    assert str(panel.results.folder) == folder
