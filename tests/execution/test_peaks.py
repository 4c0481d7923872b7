"""What the machine can do at most: measured once, kept for a day, and again where a case achieves more."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from support.models import short, tiny_bert

from hfbench_nb import PyTorchBenchmark, load_results
from hfbench_nb.execution import peaks as module
from hfbench_nb.execution.executors import LocalExecutor
from hfbench_nb.protocol.peaks import Peaks, Rate
from hfbench_nb.storage.machine_peaks import KEPT_S, read_peaks, write_peaks

pytestmark = [pytest.mark.measures]


def peaks(gflops, gigabytes=10.0):
    return Peaks(Rate(gflops, gflops / 2, gflops / 4), Rate(gigabytes, gigabytes, gigabytes), "float32")


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_measured", {})
    monkeypatch.setattr(module, "_again", set())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def run(**given):
    return PyTorchBenchmark(short(memory=False, **given), configs=[tiny_bert()]).run()


def test_a_run_tells_the_share_of_the_peak_and_keeps_it_for_later_runs(monkeypatch, tmp_path):
    asked = []
    measured = LocalExecutor.peaks
    monkeypatch.setattr(LocalExecutor, "peaks", lambda *given: asked.append(given[2]) or measured(*given))
    first = run(sequence_lengths=[8, 16], dtype=["float32", "bfloat16"])
    assert [settings["dtype"] for settings in asked] == ["float32", "bfloat16"]
    table = first.machine_peaks()
    assert list(table["dtype"]) == ["float32", "bfloat16"]
    assert (table["gflops_per_s"] >= table["gflops_per_s_median"]).all()
    assert (first.frame["utilization"] <= 1.02).all()
    monkeypatch.setattr(module, "_measured", {})  # as in another process
    second = run()
    assert len(asked) == 2
    assert second.machine_peaks()["gflops_per_s"][0] == pytest.approx(table["gflops_per_s"][0])
    (kept,) = Path(tmp_path).rglob("peaks.json")
    assert len(json.loads(kept.read_text())) == 2
    # Stored results have them, too.
    second.save(tmp_path / "saved")
    assert load_results(tmp_path / "saved").machine_peaks().equals(second.machine_peaks())


def test_a_case_that_achieves_more_has_them_measured_once_more(monkeypatch):
    answers = iter([peaks(1e-9), peaks(1e9)])
    monkeypatch.setattr(LocalExecutor, "peaks", lambda *given: next(answers))
    results = run(sequence_lengths=[8, 16])
    assert (results.frame["utilization"] < 1).sum() == 2 or results.frame["utilization"].iloc[-1] < 1


def test_peaks_are_kept_for_a_day_and_unreadable_ones_are_none(tmp_path):
    write_peaks(tmp_path, "here", peaks(5.0))
    assert read_peaks(tmp_path, "here") == peaks(5.0)
    assert read_peaks(tmp_path, "there") is None
    file = tmp_path / "peaks.json"
    data = json.loads(file.read_text())
    data["here"]["at_s"] = time.time() - KEPT_S - 1
    file.write_text(json.dumps(data))
    assert read_peaks(tmp_path, "here") is None
    for text in (
        "[]",
        "{",
        json.dumps({"here": {"at_s": time.time()}}),
        json.dumps({"here": 3}),
        json.dumps({"here": {"at_s": "now"}}),
    ):
        file.write_text(text)
        assert read_peaks(tmp_path, "here") is None
        write_peaks(tmp_path, "there", peaks(6.0))
        assert read_peaks(tmp_path, "there") == peaks(6.0)
    assert os.listdir(tmp_path) == ["peaks.json"]
