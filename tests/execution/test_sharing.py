"""Cases that share a model: it is built once in a round, and their workers need what those of their own would."""

from __future__ import annotations

import os
import signal

import psutil
import pytest
from support.models import short, tiny_bert, tiny_gpt2
from support.processes import wait_until

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.execution import sharing

pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("measurements")]


def builds(results):
    """Return how often each round of each model was built, by what the rounds took for it."""
    parts = [(case.model, part) for case, found in results.entries for part in found.each_round]
    found = {}
    for model, part in parts:
        key = (model, part.round)
        found[key] = found.get(key, 0) + (part.costs.build_s > 0)
    return found


@pytest.fixture
def never(monkeypatch):
    """Return a function that ends sharing."""
    return lambda: monkeypatch.setattr(sharing, "_is_shareable", lambda case, places: False)


def medium(**given):
    return tiny_bert(**{"hidden_size": 128, "intermediate_size": 256, "vocab_size": 30_000, **given})


def test_a_model_is_built_once_a_round_and_memory_is_that_of_processes_that_build_their_own(never):
    configs = [medium(architectures=["BertForMaskedLM"]), tiny_gpt2()]
    args = short(models=["bert", "gpt2"], sequence_lengths=[8, 32], training=True, rounds=2)
    shared = PyTorchBenchmark(args, configs=configs).run()
    assert set(shared.frame["status"]) == {"ok"}, list(shared.frame["error"])
    assert builds(shared) == {("bert", 1): 1, ("bert", 2): 1, ("gpt2", 1): 2, ("gpt2", 2): 2}  # gpt2: a class a task
    assert set(shared.frame["attn_implementation"]) == {"sdpa"}
    never()
    own = PyTorchBenchmark(args, configs=configs).run()
    assert builds(own) == {("bert", 1): 4, ("bert", 2): 4, ("gpt2", 1): 4, ("gpt2", 2): 4}
    for name in ("memory_mb", "baseline_mb", "weights_mb", "working_mb"):
        # Half a percent of what a process has; what a tiny model adds is less than the kernel's own lag.
        differences_mb = (shared.frame[name] - own.frame[name]).abs()
        assert (differences_mb <= (0.005 * own.frame["memory_mb"]).clip(lower=0.5)).all(), (name, differences_mb)
    for (_, one), (_, other) in zip(shared.entries, own.entries, strict=True):
        assert one.details.keys() == other.details.keys()
        assert one.note == other.note


def test_nothing_is_shared_by_a_case_alone_or_between_settings():
    results = PyTorchBenchmark(short(dtype=["float32", "bfloat16"]), configs=[tiny_bert()]).run()
    assert builds(results) == {("tiny", 1): 2}


def test_a_model_that_cannot_be_built_is_a_row_with_its_reason_and_costs_no_other():
    bad = tiny_bert(hidden_size=33)  # no multiple of the number of heads
    args = short(models=["bad", "good"], sequence_lengths=[8, 16], rounds=2)
    results = PyTorchBenchmark(args, configs=[bad, tiny_bert()]).run()
    assert list(results.frame["status"]) == ["error", "error", "ok", "ok"]
    assert results.frame["error"].str.contains("hidden size").tolist() == [True, True, False, False]
    assert len(results.entries[0][1].each_round) == 1


def test_a_length_that_fails_leaves_the_model_to_the_others():
    args = short(sequence_lengths=[8, 9999, 16], threads=2, speed=False)  # the model is built with one thread
    results = PyTorchBenchmark(args, configs=[tiny_bert()]).run()
    assert list(results.frame["status"]) == ["ok", "error", "ok"]
    assert [found.resolved["threads"] for _, found in results.entries] == [2, 2, 2]
    assert builds(results) == {("tiny", 1): 1}


def test_a_case_that_is_estimated_since_it_ran_out_of_memory_leaves_the_model_to_the_others():
    args = short(batch_sizes=[1, 20_000, 2], sequence_lengths=[8], speed=False)  # scores of 179 GB
    config = tiny_bert(architectures=["BertForMaskedLM"], vocab_size=300_000)
    results = PyTorchBenchmark(args, configs=[config]).run()
    assert list(results.frame["status"]) == ["ok", "oom", "ok"]
    assert "by estimate, the tensors of this case alone take" in results.frame["error"][1]
    assert builds(results) == {("tiny", 1): 1}


def test_when_the_run_ends_the_model_is_dropped_and_a_stopped_one_leaves_nothing(monkeypatch):
    def big_processes():
        return [p for p in psutil.Process().children(recursive=True) if p.memory_info().rss > 700 << 20]

    config = medium(vocab_size=800_000)  # 400 MB
    args = short(sequence_lengths=[8, 16], memory=False)
    seen = []
    expected = iter([2, 1])  # the builder, and at first the worker of the next case, which is soon as large
    PyTorchBenchmark(args, configs=[config]).run(
        on_case=lambda case, found: seen.append(_comes_to(next(expected), big_processes))
    )
    assert seen == [True, True]
    assert wait_until(lambda: big_processes() == [], 10)
    slow = short(sequence_lengths=[8, 16], max_seconds=60.0, repeat=10**6, timeout_s=2.0)
    results = PyTorchBenchmark(slow, configs=[tiny_bert()]).run()
    assert list(results.frame["status"]) == ["timeout", "timeout"]


def test_a_builder_that_dies_is_no_more_than_a_case_that_builds_its_own():
    killed = []
    args = short(sequence_lengths=[8, 16, 32])
    results = PyTorchBenchmark(args, configs=[tiny_bert()]).run(on_case=lambda *_: killed.extend(_kill(depth=3)))
    assert list(results.frame["status"]) == ["ok"] * 3
    assert killed


def test_the_next_worker_waits_while_cases_are_left_and_one_that_dies_is_replaced():
    expected = iter([1, 0, 0] * 2)  # once it was killed, that of the last case is forked when it is needed

    waited = []

    def kill(case, found):
        waited.append(_comes_to(next(expected), lambda: _processes(depth=4)))
        _kill(depth=4)

    args = short(sequence_lengths=[8, 16, 32], rounds=2)
    results = PyTorchBenchmark(args, configs=[tiny_bert()]).run(on_case=kill)
    assert list(results.frame["status"]) == ["ok"] * 3
    assert builds(results) == {("tiny", 1): 1, ("tiny", 2): 1}
    assert waited == [True] * 6


def _comes_to(count, processes):
    return wait_until(lambda: len(processes()) == count)


def _processes(depth):
    """Return the processes that lie so deep: 1 the server, 2 that of a model type, 3 a builder, 4 its workers."""
    return [process for process in psutil.Process().children(recursive=True) if _depth(process) == depth]


def _kill(depth):
    found = _processes(depth)
    for process in found:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(found, timeout=5)
    return [process.pid for process in found]


def _depth(process):
    """Return how many processes lie between this one and the process of the tests: server, family, builder."""
    parents = [parent.pid for parent in process.parents()]
    return parents.index(os.getpid()) + 1
