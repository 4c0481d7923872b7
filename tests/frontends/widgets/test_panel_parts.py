"""The line of status and the bar of progress."""

from __future__ import annotations

import pytest
from support.widgets import only, run_to_its_end, status, write

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_the_line_of_status_is_about_what_the_form_shows(quick):
    run_to_its_end(quick)
    assert status(quick).startswith("3 of 3 cases in ")
    assert status(quick).endswith(", 1 failed.")
    bar = only(quick, "progress")
    assert (bar.done, bar.total, bar.kind) == (3, 3, "partly")
    assert 'role="progressbar"' in bar.value
    assert 'aria-valuenow="3"' in bar.value
    assert 'role="status"' in only(quick, "status").value
    before = only(quick, "field-batch_sizes").value
    write(quick, "batch_sizes", "1, 2")
    assert status(quick).startswith("6 cases, about ")
    assert bar.kind == ""
    write(quick, "batch_sizes", before)
    assert status(quick).startswith("3 of 3 cases in ")
    only(quick, "reset").click()
    assert status(quick).startswith("3 cases, about ")
    assert (bar.done, bar.kind) == (0, "")


def test_a_run_in_which_all_failed_has_the_colour_of_failure(make, model):
    panel = make(models=[model], batch_sizes=[1], sequence_lengths=[100, 128], max_seconds=0.05, rounds=1)
    run_to_its_end(panel)
    assert status(panel).endswith("2 failed.")
    assert '<span class="hfbench-failed">2 failed</span>' in only(panel, "status").value
    assert only(panel, "progress").kind == "failed"
    assert only(panel, "part-failures").button.description == "2 failed: why"
    assert only(panel, "part-failures").is_open
