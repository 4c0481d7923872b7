"""The benchmark classes without a measurement: what they ask of an executor, and what they make of its answers."""

from __future__ import annotations

import itertools

import pytest
from support.fake_executor import OK, FakeExecutor, make, run
from support.measured import ok
from support.models import short, tiny_bert
from support.processes import run_script

from hfbench_nb import ArgumentError, PyTorchBenchmark, TensorFlowBenchmark, TensorFlowBenchmarkArguments
from hfbench_nb.execution.displays import NoDisplay
from hfbench_nb.protocol.case import Settings

pytestmark = pytest.mark.quick


# ---- the sweep


def test_what_shows_results_is_imported_before_the_first_case_is_measured():
    """Imported in between, it would disturb what is measured just then."""
    script = """
        import sys
        from support.measured import ok
        from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

        class Executor:
            def environment(self, *_): return {}
            def measure(self, *_): print("pandas" in sys.modules); return ok()

        arguments = PyTorchBenchmarkArguments(models=["gpt2"], batch_sizes=[1], sequence_lengths=[8], rounds=1)
        benchmark = PyTorchBenchmark(arguments)
        print("pandas" in sys.modules)
        benchmark.run(executor=Executor())
    """
    done = run_script(script)
    assert done.stdout.split()[:2] == ["False", "True"], done.stderr


def test_cases_are_measured_in_the_order_of_the_sweep():
    fake = FakeExecutor()
    results = run(
        make(
            models=["b", "a"],
            batch_sizes=[2, 1],
            sequence_lengths=[16, 8],
            training=True,
            dtype=["bfloat16", "float32"],
        ),
        fake,
    )
    order = [(c.model, c.settings["dtype"], c.batch_size, c.sequence_length, c.task) for c in fake.cases]
    assert order == list(
        itertools.product("ba", ["bfloat16", "float32"], [2, 1], [16, 8], ["inference", "training"])
    )  # fmt: skip
    assert [case for case, _ in results.entries] == fake.cases
    assert [measurement for _, measurement in results.entries] == [OK] * 32
    assert results.labels[:1] == ["b [bfloat16]"]


def test_each_request_has_the_method_the_model_and_the_time_limit():
    fake = FakeExecutor()
    run(make(models=["a", "b"], precision=0.5, seed=7, memory=False, timeout_s=3.0), fake)
    for name, request in zip("ab", fake.requests, strict=True):
        assert request.subject.name == request.case.model == name
        assert request.subject.config["hidden_size"] == 32
        assert (request.method.precision, request.method.seed, request.method.memory) == (0.5, 7, False)
        assert request.timeout_s == 3.0
        assert request.case.framework == "PyTorch"


def test_every_axis_is_in_the_settings_of_each_case():
    fake = FakeExecutor()
    run(make(), fake)
    (case,) = fake.cases
    assert case.settings == Settings(
        device="auto", dtype="float32", threads=None, huge_pages=False, python=None, overlay=None,
        attn_implementation=None, weights="random", torchscript=False, compile="none", quantization="none",
    )  # fmt: skip


def test_modes_that_contradict_each_other_are_skipped(monkeypatch):
    monkeypatch.setattr("hfbench_nb.execution.benchmark.check_requirements", lambda framework, overlay: None)
    args = TensorFlowBenchmarkArguments(
        models=["t"],
        batch_sizes=[1],
        sequence_lengths=[8],
        eager_mode=[False, True],
        use_xla=[False, True],
        rounds=1,
    )
    fake = FakeExecutor()
    results = run(TensorFlowBenchmark(args, configs=[tiny_bert()]), fake)
    modes = [(c.settings["eager_mode"], c.settings["use_xla"]) for c in fake.cases]
    assert modes == [(False, False), (False, True), (True, False)]
    assert results.labels == ["t [graph, no XLA]", "t [graph, XLA]", "t [eager, no XLA]"]


def test_only_contradictions_are_refused():
    with pytest.raises(ArgumentError, match="eager_mode=True and use_xla=True contradict each other"):
        TensorFlowBenchmarkArguments(models=["t"], eager_mode=[True], use_xla=True)


def test_a_benchmark_can_be_run_again():
    benchmark = make()
    first = run(benchmark, FakeExecutor())
    second = run(benchmark, FakeExecutor(lambda request: ok(0.5)))
    assert first.entries[0][1] == OK
    assert second.entries[0][1] == ok(0.5)
    assert benchmark.results.entries == second.entries


# ---- arguments


def test_what_cannot_be_called_is_no_on_case():
    fake = FakeExecutor()
    with pytest.raises(ArgumentError, match="on_case=3 cannot be used: on_case must be a function"):
        run(make(sequence_lengths=[8]), fake, on_case=3)
    assert not fake.requests


def test_arguments_of_another_class_are_refused():
    args = TensorFlowBenchmarkArguments(models=["t"])
    with pytest.raises(ArgumentError, match="args=.* must be a PyTorchBenchmarkArguments"):
        PyTorchBenchmark(args)


def test_a_benchmark_says_that_it_has_not_run_yet_and_what_it_has_measured():
    benchmark = PyTorchBenchmark(short(sequence_lengths=[8, 16]), configs=[tiny_bert()])
    assert repr(benchmark) == "<PyTorchBenchmark: 2 cases, nothing measured yet: run() measures>"
    benchmark.run(executor=FakeExecutor(), display=NoDisplay())
    assert repr(benchmark) == "<PyTorchBenchmark: 2 of 2 cases measured: results has them>"


def test_arguments_of_the_arguments_are_told_where_they_belong():
    message = (
        r"has no argument 'models': .* as in PyTorchBenchmark\(PyTorchBenchmarkArguments\(models=..., fp16=...\)\)"
    )
    with pytest.raises(ArgumentError, match=message):
        PyTorchBenchmark(models=["gpt2"], fp16=True)
    with pytest.raises(ArgumentError, match=r"PyTorchBenchmark has no argument 'config'\. Did you mean configs\?"):
        PyTorchBenchmark(short(), config=[tiny_bert()])
    with pytest.raises(ArgumentError, match="args=None cannot be used: args must be a TensorFlowBenchmarkArguments"):
        TensorFlowBenchmark()
