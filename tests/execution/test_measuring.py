"""Doing the jobs of a run: each case is written and told before the next one, and what fails is a row."""

from __future__ import annotations

import pytest
from support.fake_executor import OK, FakeExecutor, make, raising, refusing, run
from support.measured import ok

from hfbench_nb import load_results
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.measurement import Failure, Measurement
from hfbench_nb.storage import journal

pytestmark = pytest.mark.quick


def test_each_finished_case_is_told_before_the_next_begins():
    told = []
    fake = FakeExecutor(raising(IsolationError("gone"), lambda case: case.sequence_length == 16))

    def tell(case, measurement):
        assert fake.cases[-1] == case
        told.append((case, measurement))

    results = run(make(sequence_lengths=[8, 16, 32]), fake, on_case=tell)
    assert tuple(told) == results.entries


def test_a_worker_that_could_not_be_started_is_a_row():
    fake = FakeExecutor(raising(IsolationError("no process"), lambda case: case.sequence_length == 16))
    results = run(make(sequence_lengths=[8, 16, 32]), fake)
    assert list(results.frame["status"]) == ["ok", "crashed", "ok"]
    assert results.entries[1][1] == Measurement("crashed", failure=Failure("IsolationError", "no process"))


def test_a_failure_that_was_answered_is_a_row():
    failure = Measurement("oom", failure=Failure("MemoryError", "too large"))
    fake = FakeExecutor(lambda request: failure if request.case.sequence_length == 8 else OK)
    results = run(make(sequence_lengths=[8, 16]), fake)
    (_, failed), (_, measured) = results.entries
    assert (failed.status, measured) == ("oom", OK)
    assert failed.failure.message.startswith("too large; by estimate, the tensors of this case alone take ")


def test_a_mistake_in_on_case_does_not_lose_the_case(tmp_path):
    benchmark = make(sequence_lengths=[8, 16])

    def tell(case, measurement):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(benchmark, FakeExecutor(), tmp_path, on_case=tell)
    assert len(benchmark.results.entries) == len(load_results(tmp_path).entries) == 1


def test_the_journal_holds_each_case_before_the_next_is_measured(tmp_path):
    seen = []

    def look(request):
        seen.append([entry.case.sequence_length for entry in journal.read(tmp_path).entries])
        return OK

    results = run(make(sequence_lengths=[8, 16, 32]), FakeExecutor(look), tmp_path)
    assert seen == [[], [8], [8, 16]]
    contents = journal.read(tmp_path)
    assert [(entry.case, entry.measurement) for entry in contents.entries] == list(results.entries)
    assert contents.arguments == results.arguments
    assert set(contents.configurations) == {"tiny"}
    assert results.folder == tmp_path


def test_cases_that_are_kept_are_not_told(tmp_path):
    run(make(sequence_lengths=[8]), FakeExecutor(), tmp_path)
    told = []
    fake = FakeExecutor()
    run(make(sequence_lengths=[8, 16]), fake, None, tmp_path, on_case=lambda case, measurement: told.append(case))
    assert [case.sequence_length for case in told] == [case.sequence_length for case in fake.cases] == [16]


def test_a_case_of_a_place_that_cannot_be_used_is_not_measured_and_is_told(tmp_path):
    told, fake = [], FakeExecutor(unusable=refusing(lambda settings: settings["device"] == "xpu"))
    results = run(make(device=["xpu", "cpu"]), fake, tmp_path, on_case=lambda *given: told.append(given))
    assert [case.settings["device"] for case in fake.cases] == ["cpu"]
    assert tuple(told) == results.entries
    assert [(entry.measurement.status, entry.environment) for entry in journal.read(tmp_path).entries] == [
        ("error", 0), ("ok", 1),
    ]  # fmt: skip


def test_each_round_is_written_and_told_with_what_all_of_them_say(tmp_path):
    told, times_s = [], iter((0.2, 0.4, 0.3))
    fake = FakeExecutor(lambda request: ok(next(times_s)))
    results = run(make(rounds=3, max_seconds=60.0), fake, tmp_path, on_case=lambda *given: told.append(given[1]))
    assert [request.method.round for request in fake.requests] == [1, 2, 3]
    written = [entry.measurement for entry in journal.read(tmp_path).entries]
    assert [(each.round, each.timing.median_s) for each in written] == [(1, 0.2), (2, 0.4), (3, 0.3)]
    assert [len(each.each_round) for each in told] == [1, 2, 3]
    assert results.entries[0][1] == told[-1]
    assert results.frame["time_s"].item() == pytest.approx(0.3, rel=0.05)
