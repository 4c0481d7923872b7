"""Cases in rounds: their order, what ends them, stopping and resuming, and what is shown meanwhile."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import time
from types import SimpleNamespace

import pytest
from support.kernels import execute
from support.measured import failed, ok
from support.models import short, tiny_bert

from hfbench_nb import PyTorchBenchmark, load_results
from hfbench_nb.execution.benchmark import Benchmark
from hfbench_nb.execution.displays import NoDisplay, choose_display
from hfbench_nb.protocol.errors import RunInterrupted
from hfbench_nb.protocol.facts import Costs
from hfbench_nb.protocol.timing import Timing

pytestmark = pytest.mark.quick


class Recording:
    """An executor that answers at once, and keeps which case was asked for in which round."""

    def __init__(self, answer=lambda request: ok()):
        self.asked = []
        self._answer = answer

    def environment(self, framework, settings, method, cancellation):
        return {"device": "cpu"}

    def measure(self, framework, request, on_progress, cancellation):
        self.asked.append((request.case.sequence_length, request.method.round))
        return self._answer(request)


class Shown(NoDisplay):
    def __init__(self):
        self.texts = []
        self.last = ""

    def show(self, done, total, text):
        self.texts.append((done, total, text))

    def close(self, text):
        self.last = text


def make(rounds, lengths=(8, 16, 32), **given) -> Benchmark:
    given = {"sequence_lengths": [*lengths], "rounds": rounds, "max_seconds": 9.0, **given}
    return PyTorchBenchmark(short(**given), configs=[tiny_bert()])


def test_cases_alternate_and_so_does_their_order():
    executor, shown, told = Recording(), Shown(), []
    tell = lambda case, measurement: told.append((case.sequence_length, len(measurement.each_round)))  # noqa: E731
    results = make(3).run(executor=executor, display=shown, on_case=tell)
    forwards, backwards = [(8, 1), (16, 1), (32, 1)], [(32, 2), (16, 2), (8, 2)]
    assert executor.asked == [*forwards, *backwards, (8, 3), (16, 3), (32, 3)]
    assert told == executor.asked  # a first value of each is there early, and is refined
    assert [(m.status, len(m.rounds)) for _, m in results.entries] == [("ok", 3)] * 3
    assert {done for done, *_ in shown.texts} == set(range(10))
    assert shown.texts[-1][1] == 9
    assert shown.texts[-1][2].endswith("sequence length 32, round 3 of 3")
    assert shown.last.startswith("3 of 3 cases in ")
    frame = results.rounds
    assert list(frame["round"]) == [1, 2, 3] * 3
    assert frame[["time_s", "memory_mb"]].notna().all().all()


def test_a_case_that_failed_is_not_tried_again():
    executor = Recording(lambda request: failed("error", "too long") if request.case.sequence_length == 16 else ok())
    shown = Shown()
    results = make(3).run(executor=executor, display=shown)
    assert executor.asked.count((16, 1)) == 1
    assert len(executor.asked) == 7
    assert list(results.frame["status"]) == ["ok", "error", "ok"]
    assert shown.texts[-1][:2] == (9, 9)
    late = Recording(lambda request: failed("crashed", "gone") if request.method.round == 2 else ok())
    (entry,) = make(4, [8]).run(executor=late).entries
    assert late.asked == [(8, 1), (8, 2)]
    assert (entry[1].status, entry[1].note) == ("ok", "round 2 failed: crashed: MemoryError: gone")


@pytest.mark.parametrize(
    ("options", "samples_s", "costs", "rounds"),
    [
        ({}, (9.0,), Costs(), 3),  # long passes
        ({"repeat": 5}, (9.0,), Costs(), 5),
        ({}, (0.01, 0.01), Costs(build_s=2.0), 3),  # long builds, or starts
        ({}, (0.01, 0.01), Costs(start_s=2.0), 3),
        ({}, (0.01, 0.01), Costs(open_s=2.0), 3),
        ({}, (0.01, 0.01), Costs(start_s=0.05), 10),
        ({"speed": False}, (), Costs(calls_s=18.0), 1),  # memory alone
        ({"speed": False}, (), Costs(calls_s=0.01), 10),
    ],
)
def test_a_case_that_has_used_up_its_budget_is_done(options, samples_s, costs, rounds):
    timing = Timing(samples_s) if samples_s else None
    executor = Recording(lambda request: dataclasses.replace(ok(), timing=timing, costs=costs))
    make(10, [8], max_seconds=1.0, **options).run(executor=executor)
    assert len(executor.asked) == rounds


def test_a_run_is_stopped_between_rounds_and_resumed_with_more_of_them(tmp_path):
    def stop(request):
        if (request.case.sequence_length, request.method.round) == (16, 2):
            raise KeyboardInterrupt
        return ok(time_s=0.01 * request.method.round)

    benchmark = make(3)
    stopped = Shown()
    with pytest.raises(RunInterrupted) as interrupted:
        benchmark.run(tmp_path, executor=Recording(stop), display=stopped)
    assert re.fullmatch(r"0 of 3 cases, 3 in part, in .*", stopped.last)
    kept = "Interrupted: 0 of 3 cases are measured, 3 in part (4 rounds)."
    python = f"hfbench_nb.load_results({str(tmp_path)!r}). run(resume={str(tmp_path)!r}) measures the rest."
    assert str(interrupted.value) == f"{kept} What is measured is in the benchmark's .results and in {python}"
    shell = f"The same command with --resume {tmp_path}, and without --folder, measures the rest."
    assert interrupted.value.for_shell == f"{kept} What is measured is in {tmp_path}. {shell}"
    assert [len([m for m in found.each_round if m.succeeded]) for _, found in benchmark.results.entries] == [1, 1, 2]
    assert list(benchmark.results.frame["status"]) == ["ok"] * 3
    executor, shown = Recording(), Shown()
    results = make(4).run(resume=tmp_path, executor=executor, display=shown)
    again = [(16, 2), (8, 2), (8, 3), (16, 3), (32, 3), (32, 4), (16, 4), (8, 4)]
    assert executor.asked == again
    assert shown.texts[-1][:2] == (12, 12)
    lines = [json.loads(line)["measurement"]["round"] for line in (tmp_path / "results.jsonl").open() if "case" in line]
    assert sorted(lines) == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert dict(load_results(tmp_path).entries) == dict(results.entries)
    fewer = Recording()
    make(2).run(resume=tmp_path, executor=fewer)
    assert fewer.asked == []


def test_runs_that_were_added_keep_their_rounds_apart(tmp_path):
    one, other = (make(2, [8]).run(executor=Recording()) for _ in range(2))
    added = one + other
    added.save(tmp_path)
    loaded = load_results(tmp_path)
    assert loaded.entries == added.entries
    assert loaded.labels == added.labels == ["tiny", "tiny (run 2)"]


@pytest.mark.measures
def test_each_round_is_a_process_of_its_own(tmp_path):
    results = make(3, [8, 16], max_seconds=0.3, memory=True).run(tmp_path)
    assert list(results.frame["status"]) == ["ok"] * 2, list(results.frame["error"])
    for _, measurement in results.entries:
        timing = measurement.timing
        assert len(timing.round_sizes) == len(measurement.rounds) == 3
        assert all(part.timing.reference_s for part in measurement.rounds)
        assert measurement.costs.calls == sum(part.costs.calls for part in measurement.rounds)
    assert (results.rounds["reference_s"] > 0).all()
    assert results.frame["memory_mb"].notna().all()


def test_in_the_callers_process_there_is_one_round():
    results = make(3, [8], max_seconds=0.05).run(executor="in_process")
    (measurement,) = (measurement for _, measurement in results.entries)
    assert (measurement.rounds, measurement.status) == ((), "ok")


def test_time_left_moves_within_a_measurement(monkeypatch):
    start_s = time.monotonic()
    clock = lambda: start_s + 20 * (monotonic() - start_s)  # noqa: E731
    monotonic = time.monotonic
    monkeypatch.setattr("hfbench_nb.execution.progress.time", SimpleNamespace(monotonic=clock))

    class Refreshed(Shown):
        refresh_s = 0.01

    def answer(request):
        time.sleep(0.2)  # four seconds by that clock
        return ok()

    shown = Refreshed()
    make(1, [8, 16]).run(executor=Recording(answer), display=shown)
    lefts = [int(found[1]) for *_, text in shown.texts if (found := re.match(r"about (\d+) s left; starting", text))]
    assert lefts == sorted(lefts, reverse=True)
    assert {3, 2, 1} <= set(lefts)


def test_what_failed_is_counted_and_told_in_the_end():
    class Counting(Shown):
        def __init__(self):
            super().__init__()
            self.failed = []

        def fail(self, failed, finished):
            self.failed.append((failed, finished))

    shown = Counting()
    make(2).run(executor=Recording(lambda request: failed("error", "too long")), display=shown)
    assert shown.last.endswith(", 3 failed")
    assert shown.failed == [(1, 1), (2, 2), (3, 3)]
    shown = Counting()
    make(2).run(executor=Recording(), display=shown)
    assert (shown.failed, "failed" in shown.last) == ([], False)


def test_a_notebook_shows_what_failed_in_the_colour_of_failures():
    show = "from hfbench_nb.execution.displays import NotebookDisplay\nshown = NotebookDisplay(); shown.fail(6, 6)\n"
    cells = (f"{show}shown.show(5, 6, 'oom')", f"{show}shown.close('6 of 6 cases in 1 s, 6 failed')")
    going, ended = (outputs[0]["data"] for outputs in execute(*cells))
    red = r'"background: rgba\(211, 47, 47[^"]*"'
    assert going["text/plain"] == "5/6 6 failed; oom"
    assert re.search(r'<progress value="5" max="6" style="accent-color: .*</progress> 5/6 ', going["text/html"])
    assert re.search(rf"<small style={red}>6 failed</small>", going["text/html"])
    assert ended["text/plain"] == "6 of 6 cases in 1 s, 6 failed"
    assert re.search(rf"6 of 6 cases in 1 s, <span style={red}>6 failed</span>", ended["text/html"])


def test_in_marimo_progress_is_the_output_of_the_cell(monkeypatch):
    shown = []
    output = SimpleNamespace(replace=lambda value: shown.append(value))
    marimo = SimpleNamespace(output=output, Html=str, running_in_notebook=lambda: True)
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    display = choose_display(verbose=False)
    display.show(1, 2, "timing")
    display.close("2 of 2 cases in 1 s")
    assert '<progress value="1" max="2">' in shown[1]
    assert "2 of 2 cases in 1 s" in shown[-1]
