"""The places of a run: devices, overlays and interpreters, each with its own environment."""

from __future__ import annotations

import itertools
import sys

import pytest
from support.fake_executor import FakeExecutor, make, refusing, run
from support.models import short

from hfbench_nb import load_results
from hfbench_nb.arguments.fields import Axis, axes_of
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.machines import ThisMachine
from hfbench_nb.execution.places import Places, may_measure, place_of
from hfbench_nb.protocol.case import Case, Settings
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


def test_what_is_no_place_does_not_make_one(tmp_path):
    fake = FakeExecutor()
    results = run(make(dtype=["float32", "bfloat16"], threads=[1, 2], torchscript=[False, True]), fake, tmp_path)
    assert len(fake.places) == 1
    assert len(results.entries) == 8
    first, *others = results.environments
    assert all(facts.keys() == first.keys() for facts in others)
    differing = {name for facts in others for name in facts if facts[name] != first[name]}
    assert differing == {"dtype"}
    assert len(journal.read(tmp_path).environments) == 1


AXES = axes_of(type(short()))


def cases_with(*settings):
    return [Case("PyTorch", "tiny", "inference", 1, 8, Settings(each)) for each in settings]


class Named(ThisMachine):
    """This machine, as if it were one of several."""

    def __init__(self, name, executor):
        super().__init__(executor, progress=None)
        self.name = name


def ask(places, *machines):
    places.ask(machines, short(), [], lambda message: None, Cancellation())


def test_places_are_in_the_order_of_the_cases_and_have_what_determines_them_alone():
    settings = [
        {"device": device, "dtype": dtype, "overlay": None}
        for device in ("xpu", "cpu")
        for dtype in ("float32", "bfloat16")
    ]
    places = Places(cases_with(*settings), AXES)
    assert list(places) == [Settings(device="xpu", overlay=None), Settings(device="cpu", overlay=None)]
    assert list(Places([], AXES)) == []
    assert list(Places(cases_with(*settings), {"dtype": Axis(is_place=True)})) == [
        Settings(dtype="float32"), Settings(dtype="bfloat16"),
    ]  # fmt: skip


def test_each_machine_has_each_place_with_an_environment_and_a_number_of_its_own():
    cases = cases_with({"device": "cpu"}, {"device": "auto"})
    places = Places(cases, AXES)
    ask(places, *(Named(name, FakeExecutor()) for name in "ab"))
    numbers = [places.number(case, machine) for machine in "ab" for case in cases]
    assert numbers == [0, 1, 2, 3]
    assert [(facts["host"], facts["device"]) for facts in places.environments] == [
        ("a", "cpu"), ("a", "cuda"), ("b", "cpu"), ("b", "cuda"),
    ]  # fmt: skip
    assert list(places)[2] == Settings(device="cpu", host="b")
    assert [facts["host"] for facts in places.of(cases[0])] == ["a", "b"]
    (bound,) = cases_with({"device": "cpu", "host": "b"})
    assert [may_measure(name, bound) for name in "ab"] == [False, True]
    with pytest.raises(KeyError):
        places.number(cases[0], "c")


def test_a_place_that_one_machine_has_not_is_a_failure_there_alone():
    cases = cases_with({"device": "xpu"}, {"device": "cpu"})
    places = Places(cases, AXES)
    without = FakeExecutor(unusable=refusing(lambda settings: settings["device"] == "xpu"))
    ask(places, Named("a", FakeExecutor()), Named("b", without))
    failures = [places.failure(case, machine) for machine in "ab" for case in cases]
    assert [str(failure) if failure else "" for failure in failures] == ["", "", "IsolationError: no such device", ""]
    assert len(places.environments) == 4  # also of a place that cannot be used, where the machine is known


def test_where_no_machine_has_a_place_the_first_reason_is_told():
    places = Places(cases_with({"device": "xpu"}), AXES)
    refused = (FakeExecutor(unusable=refusing(lambda settings: True, message)) for message in ("first", "second"))
    with pytest.raises(IsolationError, match=r"^first$"):
        ask(places, *(Named(name, executor) for name, executor in zip("ab", refused, strict=True)))


def test_a_place_of_one_machine_alone_names_none():
    settings = Settings(device="cpu")
    assert place_of(settings, "") == settings
    assert place_of(settings, "a") == Settings(device="cpu", host="a")
