"""Runs in the background, and how they are stopped."""

from __future__ import annotations

import threading
import time

import pytest
from support.processes import wait_until
from support.widgets import can_run, only, run_to_its_end, status, wait_for_the_end, write

from hfbench_nb.execution.servers import close_all

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_a_run_that_cannot_begin_leaves_the_results_of_the_run_before(quick):
    run_to_its_end(quick)
    before = quick.results
    assert len(before.entries) == 3
    write(quick, "device", "cuda")
    run_to_its_end(quick)
    assert quick.results.entries == before.entries
    assert "<table" in only(quick, "table").value
    assert "cuda" in status(quick)
    assert status(quick).endswith("Below is the run before.")
    write(quick, "device", "cpu")
    run_to_its_end(quick)
    assert quick.results.entries != before.entries
    assert status(quick).startswith("3 of 3 cases in ")


def test_a_new_panel_shows_the_run_that_goes_on(slow, make):
    only(slow, "run").click()
    assert wait_until(lambda: "timing" in status(slow), 60.0)
    again = make(models=["gpt2"])
    assert "timing" in status(again)
    assert only(again, "progress").kind == "running"
    assert not can_run(again)
    only(again, "stop").click()
    wait_for_the_end(again, 20.0)
    assert status(again) == status(slow)
    assert status(again).startswith("Stopped: 0 of 2 cases")
    assert again.results.frame.equals(slow.results.frame)


def test_stop_ends_the_measurement_soon_and_keeps_what_is_finished(slow):
    write(slow, "repeat", "1")
    write(slow, "max_seconds", "0.05")
    run_to_its_end(slow)  # the server runs now
    write(slow, "repeat", str(10**9))
    write(slow, "max_seconds", "3600")
    only(slow, "run").click()
    assert wait_until(lambda: "timing" in status(slow), 30.0)
    start = time.monotonic()
    only(slow, "stop").click()
    wait_for_the_end(slow, 20.0)
    assert time.monotonic() - start < 10.0
    assert list(slow.results.frame["status"]) == ["cancelled"]
    assert status(slow).startswith("Stopped: 0 of 2 cases")


def test_stop_keeps_the_finished_cases(make, model):
    panel = make(
        models=[model], batch_sizes=[1], sequence_lengths=[8, 16, 32, 64], max_seconds=1.0, rounds=1, precision=1e-9
    )
    only(panel, "run").click()
    assert wait_until(lambda: status(panel).startswith("2 of 4"), 60.0)
    only(panel, "stop").click()
    wait_for_the_end(panel, 20.0)
    assert list(panel.results.frame["status"])[:2] == ["ok", "ok"]
    assert len(panel.results.entries) < 4


def test_stop_ends_a_run_that_has_only_just_begun(slow):
    close_all()
    only(slow, "run").click()
    start = time.monotonic()
    only(slow, "stop").click()
    wait_for_the_end(slow, 20.0)
    assert time.monotonic() - start < 10.0
    assert slow.results is None


def test_one_run_a_kernel_and_every_panel_can_stop_it(slow, quick):
    only(slow, "run").click()
    assert not can_run(quick)
    assert status(quick) == "Another panel of this kernel is measuring: Stop ends that run."
    only(quick, "run").click()  # as if it came before the button was off
    assert quick.results is None
    only(quick, "stop").click()
    assert wait_until(lambda: can_run(quick), 20.0)
    assert wait_until(lambda: can_run(slow), 3.0)
    run_to_its_end(quick)
    assert len(quick.results.entries) == 3


def test_a_run_that_cannot_begin_says_why(make, model):
    panel = make(models=[model], device="cuda:7", batch_sizes=[1], sequence_lengths=[8])
    run_to_its_end(panel)
    assert "PyTorch cannot be used" in status(panel)
    assert can_run(panel)


def test_no_thread_is_left(quick, slow):
    run_to_its_end(quick)
    only(slow, "run").click()
    slow.close()
    assert wait_until(
        lambda: not [t for t in threading.enumerate() if t.name in ("hfbench-run", "hfbench-clock")], 20.0
    )
    assert slow.widget.comm is None


def test_in_the_calling_process_stop_ends_the_case_at_its_next_step(slow):
    write(slow, "multi_process", False)
    write(slow, "repeat", "1")
    write(slow, "precision", "1e-9")
    only(slow, "run").click()
    assert wait_until(lambda: "timing" in status(slow), 60.0)
    only(slow, "stop").click()
    wait_for_the_end(slow, 10.0)
    assert list(slow.results.frame["status"]) == ["cancelled"]
