"""The jobs of a run: done by one machine or shared by several, some of which are lost."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import pytest
from support.measured import failed, ok

from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.jobs import Claims, do_jobs
from hfbench_nb.execution.machines import ClusterGone, MachineGone, MachineLost
from hfbench_nb.execution.rounds import Rounds
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.request import Method

pytestmark = pytest.mark.quick


def case_of(length, host="any"):
    return Case("PyTorch", "bert", "inference", 1, length, Settings(host=host))


CASES = [case_of(length) for length in (8, 16, 32)]


@dataclass(frozen=True)
class Named:
    """All that sharing jobs out asks of a machine."""

    name: str


class Run:
    """Does the jobs of cases, and notes on which machine and with what status each ended.

    Parameters
    ----------
    answer
        Called with each case and the name of a machine; returns a measurement, or raises what the machine would.
    """

    def __init__(self, answer=lambda case, machine: ok(), cases=CASES, rounds=1):
        self._answer = answer
        self.rounds = Rounds(cases, Method(rounds=rounds, max_seconds=60.0))
        self.asked = []
        self.recorded = []

    def on(self, names, claims=None):
        do_jobs([Named(name) for name in names], self.rounds, claims or Claims(), self._measure, self._record,
                Cancellation())  # fmt: skip
        return self

    def _measure(self, job, machine):
        self.asked.append((job.case.sequence_length, job.round, machine.name))
        return self._answer(job.case, machine.name)

    def _record(self, job, machine, measurement):
        assert threading.current_thread() is threading.main_thread()
        self.recorded.append((job.case.sequence_length, job.round, machine.name, measurement.status))
        self.rounds.add(job.case, replace(measurement, round=job.round), {})

    @property
    def statuses(self):
        return {case.sequence_length: measurement.status for case, measurement, _ in self.rounds.finished()}


def raising(error, when=lambda case, machine: True):
    """Answer, but raise an error where `when` says so of case and machine."""

    def answer(case, machine):
        if when(case, machine):
            raise error
        return ok()

    return answer


# ---- claims


def test_a_case_that_a_machine_has_claimed_is_its_own_until_it_is_released():
    claims, (first, second, _) = Claims(), CASES
    assert claims.claim(first, "a")
    assert claims.claim(first, "a")
    assert not claims.claim(first, "b")
    assert claims.claim(second, "b")
    claims.release("a")
    assert claims.claim(first, "b")
    assert not claims.claim(second, "a")


def test_what_was_begun_stays_with_its_machine():
    claims = Claims({CASES[0]: "a", CASES[1]: "a"})
    claims.release("a", begun=[CASES[0]])
    assert [claims.claim(case, "b") for case in CASES] == [False, True, True]


def test_a_case_that_names_its_machine_is_claimed_by_no_other():
    claims, bound = Claims(), case_of(8, "b")
    assert not claims.claim(bound, "a")
    assert claims.claim(bound, "b")


# ---- one machine


def test_one_machine_does_every_round_forwards_and_backwards():
    run = Run(rounds=2).on(["a"])
    assert run.asked == [(8, 1, "a"), (16, 1, "a"), (32, 1, "a"), (32, 2, "a"), (16, 2, "a"), (8, 2, "a")]
    assert run.statuses == {8: "ok", 16: "ok", 32: "ok"}


def test_a_case_that_failed_costs_no_other():
    run = Run(lambda case, machine: failed() if case.sequence_length == 8 else ok(), rounds=2).on(["a"])
    assert run.statuses == {8: "oom", 16: "ok", 32: "ok"}
    assert [number for length, number, _ in run.asked if length == 8] == [1]


def test_a_lost_machine_that_is_back_is_asked_once_more():
    losses = []

    def lose_once(case, machine):
        if not losses:
            losses.append(case)
            raise MachineLost("it was lost")
        return ok()

    run = Run(lose_once).on(["a"])
    assert [length for length, *_ in run.asked] == [8, 8, 16, 32]
    assert set(run.statuses.values()) == {"ok"}


def test_a_case_that_loses_its_machine_twice_is_a_row():
    run = Run(raising(MachineLost("it was lost"), lambda case, machine: case.sequence_length == 16)).on(["a"])
    assert run.statuses == {8: "ok", 16: "crashed", 32: "ok"}
    assert run.rounds.finished()[1][1].failure.message == "it was lost"


@pytest.mark.parametrize(("names", "stop"), [("a", KeyboardInterrupt), ("a", Cancelled), ("ab", Cancelled)])
def test_what_was_being_measured_when_the_run_was_stopped_is_recorded(names, stop):
    run = Run(raising(stop(), lambda case, machine: case.sequence_length == 16), cases=CASES[:2])
    with pytest.raises(stop):
        run.on(names)
    assert run.statuses[16] == "cancelled"
    assert run.statuses.get(8, "ok") == "ok"


# ---- several machines


def test_several_machines_share_the_cases_and_each_keeps_its_own():
    cases = [case_of(length) for length in range(1, 21)]
    both = threading.Barrier(2, timeout=10)

    def answer(case, machine):
        if case.sequence_length <= 2:  # each of the two has one of the first cases
            both.wait()
        return ok()

    run = Run(answer, cases, rounds=3).on("ab")
    assert set(run.statuses.values()) == {"ok"}
    jobs = [(length, number) for length in range(1, 21) for number in (1, 2, 3)]
    assert sorted((length, number) for length, number, _ in run.asked) == jobs
    of_case = {length: {name for each, _, name in run.asked if each == length} for length in range(1, 21)}
    assert all(len(names) == 1 for names in of_case.values())
    assert set.union(*of_case.values()) == {"a", "b"}


def test_what_an_earlier_run_has_begun_is_continued_on_the_same_machine():
    run = Run(rounds=2).on("ab", Claims(dict.fromkeys(CASES, "b")))
    assert {name for *_, name in run.asked} == {"b"}


def test_the_cases_of_a_machine_that_is_gone_are_measured_by_the_others():
    gone = MachineGone("a is not there any more.")
    with pytest.warns(UserWarning, match=r"a is not there any more\. The run goes on without it\."):
        run = Run(raising(gone, lambda case, machine: machine == "a")).on("ab")
    assert run.statuses == {8: "ok", 16: "ok", 32: "ok"}
    assert {name for _, _, name, _ in run.recorded} == {"b"}
    assert [name for *_, name in run.asked].count("a") == 1


def test_a_case_that_names_a_machine_that_is_gone_is_an_error_that_says_so():
    cases = [case_of(8, "a"), case_of(16, "a"), case_of(32, "b")]
    gone = MachineGone("a is not there any more.")
    with pytest.warns(UserWarning, match="The run goes on without it"):
        run = Run(raising(gone, lambda case, machine: machine == "a"), cases, rounds=2).on("ab")
    assert run.statuses == {8: "error", 16: "error", 32: "ok"}
    assert [(length, name) for length, _, name, status in run.recorded if status == "error"] == [(8, "a"), (16, "a")]
    assert str(run.rounds.finished()[0][1].failure) == "MachineGone: a is not there any more."


@pytest.mark.filterwarnings("ignore:.*goes on without it")
def test_where_no_machine_is_left_the_run_ends():
    with pytest.raises(MachineGone, match="it is not there"):
        Run(raising(MachineGone("it is not there"))).on("ab")


def test_where_the_way_to_all_machines_is_gone_the_run_ends():
    with pytest.raises(ClusterGone, match="no answer"):
        Run(raising(ClusterGone("no answer"))).on("ab")


def test_a_case_that_loses_two_machines_is_not_tried_on_a_third():
    run = Run(raising(MachineLost("it was lost"), lambda case, machine: case.sequence_length == 8)).on("abc")
    assert run.statuses == {8: "crashed", 16: "ok", 32: "ok"}
    assert [length for length, *_ in run.asked].count(8) == 2
