"""The axis `compile`: what the compiler makes of a model, and what its rows tell."""

from __future__ import annotations

import tempfile

import pytest
import torch
from support.models import short, tiny_bert, tiny_gpt2
from torch.nn import functional

from hfbench_nb import ArgumentError, PyTorchBenchmark
from hfbench_nb.arguments.sweep import combinations

pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("compile")]


class Small(torch.nn.Module):
    """Attention, and little else: a model that is compiled in seconds."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 8)

    def forward(self, x):
        y = self.layer(x)
        return functional.scaled_dot_product_attention(y, y, y).sin()


class Breaking(torch.nn.Module):
    """Asks for a number in the middle of a pass, which no graph can hold."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 8)

    def forward(self, x):
        y = self.layer(x)
        return y.mean() if y.sum().item() < 1e9 else y.sum()


def some_inputs(batch_size, length):
    return {"x": torch.ones(batch_size, 2, length, 8)}


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """The user's own folder of the compiler."""
    return tmp_path_factory.mktemp("users")


@pytest.fixture(autouse=True)
def compiler(monkeypatch, users):
    """One environment for all tests, thus one server.

    Code without vector instructions is compiled in half of the time, and the compiler need not try which there are.
    What is written down of a compiled model is the same.
    """
    monkeypatch.setenv("TORCHINDUCTOR_VEC_ISA_OK", "0")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(users))


def run(model, **given):
    """Measure a model of the tests, or one of a configuration."""
    own = {"models": []} if isinstance(model, type) else {}
    arguments = short(**{"timeout_s": 300.0, "memory": False, **own, **given})
    return PyTorchBenchmark(arguments, configs=[model], inputs=some_inputs if own else None).run()


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files, which is the worker's, too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_compilation_is_a_time_of_its_own_and_later_rounds_do_not_compile_again(temporary, users):
    results = run(Small, compile=["none", "default"], rounds=2)
    plain, compiled = results.frame.to_dict("records")
    assert (plain["status"], compiled["status"]) == ("ok", "ok"), compiled["error"]
    assert results.labels == ["Small [not compiled]", "Small [compiled]"]
    assert plain["compile_s"] != plain["compile_s"]
    assert compiled["compile_s"] > 100 * compiled["time_s"]
    first, second = results.entries[1][1].rounds
    assert first.details["compiled_graphs"] == second.details["compiled_graphs"] == 1
    assert first.details["attention_kernel"] == second.details["attention_kernel"] == "flash (CPU)"
    assert (first.details["graph_breaks"], first.details["recompilations"]) == (0, 0)
    assert "compile_s" not in second.metrics
    assert second.details["first_call_s"] < 0.7 * first.details["first_call_s"]  # it has found what the first has made
    assert max(results.entries[1][1].timing.samples_s) < compiled["compile_s"] / 10
    assert [path for path in temporary.iterdir() if path.is_dir()] == [], (
        "what the compiler has made is removed when the run ends"
    )
    assert not list(users.iterdir()), "the user's own cache stays as it was"
    assert "Compilation (s)" in results.to_html()


def test_the_passes_of_a_generation_are_compiled():
    results = run(tiny_gpt2(n_layer=1), compile="default", inference=False, generation=True, new_tokens=2)
    ((_, measurement),) = results.entries
    assert measurement.status == "ok", measurement.failure
    assert measurement.metrics["compile_s"] > 0
    assert measurement.details["compiled_graphs"] == 2  # over the prompt, and for one token more
    assert "1 recompilation: " in measurement.note


def test_training_is_compiled_and_a_graph_break_told_and_that_a_mode_needs_a_gpu():
    ((_, measurement),) = run(Breaking, compile="reduce-overhead", device="cpu", inference=False, training=True).entries
    assert measurement.status == "ok", measurement.failure
    assert measurement.metrics["compile_s"] > 0
    assert set(measurement.timings) == {"forward_s", "backward_s", "optimizer_s"}
    assert measurement.details["compiled_graphs"] >= 1
    assert measurement.details["graph_breaks"] >= 1
    assert "graph break" in measurement.note
    assert "compile='reduce-overhead' does what 'default' does on a CPU" in measurement.note


def test_without_a_compiler_of_c_plus_plus_the_row_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    (row,) = run(Small, compile="default", device="cpu").frame.to_dict("records")
    assert row["status"] == "error"
    assert "compile='default' needs a C++ compiler" in row["error"]
    assert "compile='none' runs the model as it is" in row["error"]


def test_an_estimate_is_that_of_the_model_as_it_is():
    benchmark = PyTorchBenchmark(short(compile=["none", "default"]), configs=[tiny_bert()])
    plain, compiled = (row.measurement for row, _ in benchmark.estimate().rows)
    assert plain.memory.peak_bytes == compiled.memory.peak_bytes
    assert "estimated as it is" in compiled.note


def test_a_model_is_traced_or_compiled():
    with pytest.raises(ArgumentError, match="torchscript=True and compile='default' contradict each other"):
        short(torchscript=True, compile="default")
    found = combinations(short(torchscript=[False, True], compile=["none", "default"]))
    combined = [(each["torchscript"], each["compile"]) for each in found]
    assert combined == [(False, "none"), (True, "none"), (False, "default")]


def test_an_unknown_mode_is_refused():
    with pytest.raises(ArgumentError, match="compile='fast' cannot be used: .*reduce-overhead"):
        short(compile="fast")


@pytest.mark.gpu
@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_a_gpu_runs_compiled_models(mode):
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    results = run(tiny_gpt2(), compile=mode, device="cuda", training=True)
    results += run(
        tiny_gpt2(), compile=mode, device="cuda", inference=False, generation=True, cache_implementation="static"
    )
    assert list(results.frame["status"]) == ["ok"] * 3, list(results.frame["error"])
    assert (results.frame["compile_s"] > 0).all()
    assert all(measurement.details["compiled_graphs"] >= 1 for _, measurement in results.entries)
