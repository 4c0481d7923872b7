"""Machines: this one measures for one run at a time, and the cases of a run are spread over several."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.fake_executor import OK, FakeExecutor
from support.processes import wait_until

from hfbench_nb import ArgumentError
from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.machines import Cluster, MachineLost, ThisMachine, check_spread, crashed, spread_over
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.measurement import Failure
from hfbench_nb.protocol.request import Method, ModelSpec, Request

pytestmark = pytest.mark.quick

CASE = Case("PyTorch", "bert", "inference", 1, 8, Settings(device="cpu", dtype="float32"))
REQUEST = Request(CASE, Method(), ModelSpec("bert", {"model_type": "bert"}, "test"), 60.0)


class Waits:
    """Notes why a run waits."""

    def __init__(self):
        self.reasons = []

    def wait(self, reason):
        self.reasons.append(reason)


class Several:
    """A cluster of named machines."""

    def machines(self):
        return [NamedMachine(name) for name in "ab"]


class NamedMachine(ThisMachine):
    def __init__(self, name):
        super().__init__(FakeExecutor(), Waits())
        self.name = name


# ---- this machine


def test_this_machine_tells_that_a_case_has_begun_and_measures_it():
    executor, told = FakeExecutor(), []
    machine = ThisMachine(executor, Waits())
    assert machine.measure("PyTorch", REQUEST, told.append, Cancellation()) == OK
    assert executor.cases == [CASE]
    assert [message["event"] for message in told] == ["begin", "progress"]
    assert machine.name == ""
    machine.release()  # although this executor keeps nothing


def test_this_machine_describes_itself_and_the_device_of_a_place():
    machine = ThisMachine(FakeExecutor(), Waits())
    assert machine.facts()["cpu_ram_mb"] > 0
    assert machine.environment("PyTorch", CASE.settings, Method(), print, Cancellation()) == {
        "framework": "PyTorch", "device": "cpu",
    }  # fmt: skip


def test_two_runs_on_this_machine_do_not_measure_at_the_same_time():
    at_work, most, waits = [], [], Waits()

    def answer(request):
        at_work.append(request)
        most.append(len(at_work))
        assert wait_until(lambda: bool(waits.reasons))  # the other is there
        at_work.remove(request)
        return OK

    def measure(machine):
        return machine.measure("PyTorch", REQUEST, lambda message: None, Cancellation())

    machines = [ThisMachine(FakeExecutor(answer), waits) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads, pytest.warns(UserWarning, match="Another run .* on this machine"):
        assert list(threads.map(measure, machines)) == [OK, OK]
    assert most == [1, 1]
    assert "which alternates with this one" in waits.reasons[0]


def test_a_run_that_was_cancelled_measures_nothing_more():
    cancellation, executor = Cancellation(), FakeExecutor()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        ThisMachine(executor, Waits()).measure("PyTorch", REQUEST, lambda message: None, cancellation)
    assert executor.cases == []


# ---- several


def test_cases_are_spread_once_or_over_every_machine():
    machines, cases = Several().machines(), [CASE, dataclasses.replace(CASE, sequence_length=16)]
    once = spread_over(machines, cases, "cases")
    assert [(case.sequence_length, case.settings["host"]) for case in once] == [(8, "any"), (16, "any")]
    everywhere = spread_over(machines, cases, "hosts")
    assert [(case.sequence_length, case.settings["host"]) for case in everywhere] == [
        (8, "a"), (8, "b"), (16, "a"), (16, "b"),
    ]  # fmt: skip
    assert everywhere[0].settings.without(["host"]) == CASE.settings
    assert spread_over([], cases, "hosts") == []


def test_cases_are_spread_over_machines_of_a_cluster_alone():
    cluster, executor = Several(), FakeExecutor()
    assert isinstance(cluster, Cluster)
    assert not isinstance(executor, Cluster)
    for spread in ("", "cases"):
        check_spread(spread, executor)
        check_spread(spread, cluster)
    check_spread("hosts", cluster)
    with pytest.raises(ArgumentError, match="spread='hosts' cannot be used: spread must be 'cases' unless executor is"):
        check_spread("hosts", executor)
    with pytest.raises(ArgumentError, match="spread='all' cannot be used: spread must be 'cases' or 'hosts'"):
        check_spread("all", cluster)
    check_spread("cases", executor, isolated=False)
    with pytest.raises(ArgumentError, match="multi_process=False cannot be used"):
        check_spread("cases", cluster, isolated=False)


@pytest.mark.parametrize("error", [IsolationError("no process"), MachineLost("it was lost")])
def test_a_case_without_a_worker_has_a_row_that_says_why(error):
    measurement = crashed(error)
    assert (measurement.status, measurement.timing) == ("crashed", None)
    assert measurement.failure == Failure(type(error).__name__, str(error))
