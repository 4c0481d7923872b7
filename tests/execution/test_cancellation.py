"""Runs that are stopped: what was finished is kept."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
from support.fake_executor import OK, FakeExecutor, make, raising, run

from hfbench_nb import load_results
from hfbench_nb.execution.cancellation import Cancelled

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_what_was_finished_is_kept_when_the_run_is_stopped(tmp_path, stop):
    told = []
    benchmark = make(sequence_lengths=[8, 16, 32])
    fake = FakeExecutor(raising(stop(), lambda case: case.sequence_length == 16))

    def start():
        return run(benchmark, fake, tmp_path, on_case=lambda case, measurement: told.append(case))

    if stop is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            start()
    else:
        assert start().entries == benchmark.results.entries
    results = benchmark.results
    assert list(results.frame["status"]) == ["ok", "cancelled"]
    assert results.frame["error"][1] == "Cancelled: stopped by the user"
    assert told == fake.cases[:1]
    assert load_results(tmp_path).entries == results.entries
    resumed = run(make(sequence_lengths=[8, 16, 32]), FakeExecutor(), None, tmp_path)
    assert list(resumed.frame["status"]) == ["ok"] * 3


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_a_case_that_was_measured_is_kept_when_the_run_is_stopped_while_it_is_completed(tmp_path, stop):
    """What the device could do at most is measured after a case."""

    class Stopped(FakeExecutor):
        def peaks(self, framework, settings, method, cancellation):
            raise stop

    measured = dataclasses.replace(OK, metrics={"flops": 1e9}, framework_version=f"of {stop.__name__}")
    benchmark = make(sequence_lengths=[8, 16])
    with contextlib.suppress(KeyboardInterrupt):
        run(benchmark, Stopped(lambda request: measured), tmp_path)
    assert list(benchmark.results.frame["status"]) == ["ok"]
    assert load_results(tmp_path).frame["time_s"].item() == 0.02


def test_cancel_ends_the_run_before_the_next_case():
    benchmark = make(sequence_lengths=[8, 16, 32])
    fake = FakeExecutor()
    results = run(benchmark, fake, on_case=lambda case, measurement: benchmark.cancel())
    assert [case.sequence_length for case in fake.cases] == [8]
    assert list(results.frame["status"]) == ["ok", "cancelled"]
    assert repr(benchmark).endswith(": 1 of 3 cases measured: results has them>")
    assert list(run(benchmark, FakeExecutor()).frame["status"]) == ["ok"] * 3


def test_files_that_were_asked_for_are_written_also_of_a_run_that_was_stopped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    benchmark = make(
        sequence_lengths=[8, 16], save_to_csv=True, log_print=True, log_filename="log.txt",
        inference_time_csv_file="time.csv", inference_memory_csv_file="memory.csv", env_info_csv_file="env.csv",
    )  # fmt: skip
    fake = FakeExecutor(raising(KeyboardInterrupt(), lambda case: case.sequence_length == 16))
    with pytest.raises(KeyboardInterrupt):
        run(benchmark, fake, tmp_path / "run")
    assert (tmp_path / "log.txt").read_text() == f"{benchmark.results}\n"
    assert (tmp_path / "time.csv").read_text().splitlines()[1:] == ["tiny,1,8,0.02", "tiny,1,16,N/A"]
    assert {path.name for path in tmp_path.iterdir()} == {"run", "log.txt", "time.csv", "memory.csv", "env.csv"}
