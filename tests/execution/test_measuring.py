"""Doing the jobs of a run: each case is written and told before the next one, and what fails is a row."""

from __future__ import annotations

import pytest
from support.fake_executor import OK, FakeExecutor, make, raising, run

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
