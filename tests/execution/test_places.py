"""The places of a run: devices, overlays and interpreters, each with its own environment."""

from __future__ import annotations

import itertools
import sys

import pytest
from support.fake_executor import FakeExecutor, make, refusing, run

from hfbench_nb import load_results
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.storage import journal

pytestmark = pytest.mark.quick


def test_the_cases_of_a_place_that_cannot_be_used_are_errors_with_its_reason(tmp_path):
    fake = FakeExecutor(unusable=refusing(lambda settings: settings["device"] == "xpu"))
    results = run(make(device=["xpu", "cpu"], sequence_lengths=[8, 16]), fake, tmp_path)
    assert list(results.frame["status"]) == ["error", "error", "ok", "ok"]
    assert list(results.frame["error"])[:2] == ["IsolationError: no such device"] * 2
    assert [case.settings["device"] for case in fake.cases] == ["cpu", "cpu"]
    assert list(results.frame["device"]) == ["xpu", "xpu", "cpu", "cpu"]
    assert results.labels == ["tiny [xpu]"] * 2 + ["tiny [cpu]"] * 2
    assert load_results(tmp_path).entries == results.entries
    again = FakeExecutor()
    resumed = run(make(device=["xpu", "cpu"], sequence_lengths=[8, 16]), again, None, tmp_path)
    assert [case.settings["device"] for case in again.cases] == ["xpu", "xpu"]
    assert list(resumed.frame["status"]) == ["ok"] * 4


@pytest.mark.parametrize("device", ["auto", ["auto", "cpu"]])
def test_where_no_place_can_be_used_the_run_is_refused(tmp_path, device):
    fake = FakeExecutor(unusable=refusing(lambda settings: True))
    with pytest.raises(IsolationError, match="no such device"):
        run(make(device=device), fake, tmp_path / "new")
    assert fake.cases == []
    assert list(tmp_path.iterdir()) == []


def test_each_row_has_the_environment_of_its_device(tmp_path):
    fake = FakeExecutor()
    results = run(make(device=["auto", "cpu"], dtype=["float32", "bfloat16"]), fake, tmp_path)
    assert [settings["device"] for settings in fake.places] == ["auto", "cpu"]
    assert [facts["device"] for facts in results.environments] == ["cuda", "cuda", "cpu", "cpu"]
    assert results.environment["device"] == ["cuda", "cpu"]
    assert list(results.frame["device"]) == ["cuda", "cuda", "cpu", "cpu"]
    assert results.labels == [
        "tiny [cuda, float32]",
        "tiny [cuda, bfloat16]",
        "tiny [cpu, float32]",
        "tiny [cpu, bfloat16]",
    ]
    contents = journal.read(tmp_path)
    assert [entry.environment for entry in contents.entries] == [0, 0, 1, 1]
    assert load_results(tmp_path).environments == results.environments


def test_each_overlay_and_interpreter_is_a_place(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    overlays = [None, str(tmp_path / "a"), str(tmp_path / "b")]
    fake = FakeExecutor()
    results = run(make(overlay=overlays, python=[None, sys.executable]), fake)
    places = [(settings["python"], settings["overlay"]) for settings in fake.places]
    assert places == list(itertools.product([None, sys.executable], overlays))
    assert [(c.settings["python"], c.settings["overlay"]) for c in fake.cases] == places
    assert len(set(results.labels)) == 6


def test_what_is_no_place_does_not_make_one():
    fake = FakeExecutor()
    results = run(make(dtype=["float32", "bfloat16"], threads=[1, 2], torchscript=[False, True]), fake)
    assert len(fake.places) == 1
    assert len(results.entries) == 8
    assert all(facts == results.environments[0] for facts in results.environments)
