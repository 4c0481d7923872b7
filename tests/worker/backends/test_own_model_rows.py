"""Models of the user's own that cannot be measured, in rows that say what to do; executors, and folders of runs."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from support import own_models
from support.models import short, tiny_bert
from support.own_models import WIDTH, Net, Scalar, error_of, measure

from hfbench_nb import ArgumentError, PyTorchBenchmark, load_results
from hfbench_nb.protocol.measurement import MEGABYTE

pytestmark = pytest.mark.measures


def raising():
    raise ValueError("no such file: weights.pt")


def lazy():
    return torch.nn.LazyLinear(3)


def on_meta():
    with torch.device("meta"):
        return Net()


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (raising, "the factory raised ValueError: no such file: weights.pt; call it in the notebook to see where"),
        (lambda: 3, "the factory returned an object of type int: it must return a torch.nn.Module"),
        (lambda: None, "the factory returned None: it must return a torch.nn.Module"),
        (tiny_bert, "the factory returned an object of type BertConfig: it must return a torch.nn.Module"),
        (lazy, "the factory returned a model with lazy modules: it must call the model once"),
        (on_meta, "the factory returned a model on the meta device: its weights must have memory"),
    ],
)
def test_a_factory_that_builds_no_model_is_a_row(factory, message):
    assert message in error_of(factory)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (None, "Net has no configuration from which inputs could be made: give inputs=, a function (batch_size, seq"),
        (lambda b, s: torch.ones(b), "inputs returned a tensor of shape (1,): inputs= must return a dictionary of ten"),
        (lambda b, s: {}, "inputs returned a dictionary without a tensor"),
        (lambda b, s: {1: torch.ones(b)}, "inputs returned an object of type dict: inputs= must return a dictionary"),
        (lambda b, s: {"x": np.ones(b)}, "inputs returned an object of type ndarray for 'x': inputs= must return a d"),
        (lambda b, s: {"y": torch.ones(b, s, WIDTH)}, "got an unexpected keyword argument 'y'"),
        (lambda b, s: 1 / 0, "inputs raised ZeroDivisionError: division by zero for batch size 1, sequence length 8"),
    ],
)
def test_inputs_that_do_not_fit_are_a_row(made, message):
    assert message in error_of(Net, inputs=made)


def test_memory_that_runs_out_in_a_factory_is_its_status():
    def too_large():
        return torch.nn.Linear(1 << 24, 1 << 24)

    (row,) = measure(too_large).frame.to_dict("records")
    assert row["status"] == "oom"


def test_a_factory_that_kills_its_process_costs_a_row():
    first, second = measure(lambda: os._exit(3), Net).frame.to_dict("records")
    assert (first["status"], second["status"]) == ("crashed", "ok")


def test_an_attention_kernel_that_the_model_lacks_is_a_row():
    assert "cannot be set for the Net that the factory returned" in error_of(Net, attn_implementation="eager")


def test_memory_is_traced_in_the_lines_of_the_users_module():
    results = measure(lambda: Scalar(), memory=True, speed=False, trace_memory_line_by_line=True)
    assert own_models.__file__ in set(results.inference_summary.frame["file"])


def test_torchscript_traces_the_model():
    frame = measure(Net, torchscript=[True, False], training=True, loss=torch.sum).frame
    assert list(frame["status"]) == ["ok", "error", "ok", "ok"], list(frame["error"])


# ---- executors and folders


@pytest.mark.parametrize("executor", ["fresh", "in_process"])
def test_every_executor_takes_factories(executor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "width").write_text("64")

    def from_a_file():
        with open("width") as file:
            return Net(int(file.read()))

    benchmark = PyTorchBenchmark(
        short(memory=False), configs=[from_a_file], inputs=lambda b, s: {"x": torch.ones(b, s, 64)}
    )
    frame = benchmark.run(executor=executor).frame
    assert list(frame["status"]) == ["ok"], list(frame["error"])


def net_of(width):
    return lambda: Net(width)


def inputs_of(width):
    return lambda batch_size, sequence_length: {"x": torch.ones(batch_size, sequence_length, width)}


def test_a_run_of_factories_is_resumed_where_they_are_the_same(tmp_path):
    def run(width, sequence_lengths, **where):
        args = short(models=["net"], memory=False, sequence_lengths=sequence_lengths)
        return PyTorchBenchmark(args, configs=[net_of(width)], inputs=inputs_of(width)).run(**where)

    first = run(64, [8], folder=tmp_path / "run")
    second = run(64, [8, 16], resume=tmp_path / "run")
    assert list(second.frame["status"]) == ["ok", "ok"]
    assert second.entries[0] == first.entries[0]
    with pytest.raises(
        ArgumentError, match=r"configuration of 'net': code \({'factory': '\w+', 'inputs': '\w+'} in the"
    ):
        run(32, [8, 16], resume=tmp_path / "run")
    assert len(load_results(tmp_path / "run").entries) == 2


def test_a_large_factory_leaves_nothing_with_the_server():
    held = torch.ones(64, MEGABYTE // 4)
    before, found, after = (
        measure(factory, memory=True, speed=False).frame["baseline_mb"].item()
        for factory in (Net, lambda: Net() if held.numel() else None, Net)
    )
    assert 63 < found - before < 67
    assert after == pytest.approx(before, abs=0.5)


@pytest.mark.parametrize(
    ("factory", "loss", "message"),
    [
        (
            Net,
            None,
            "the model returned a tensor of shape (1, 8, 1024); training needs a scalar tensor: return an outp",
        ),
        (Net, lambda state: state, "loss returned a tensor of shape (1, 8, 1024); training needs a scalar tensor"),
        (Net, lambda state: 3.0, "loss returned an object of type float; training needs a scalar tensor"),
        (Net, lambda state: state.detach().mean(), "loss returned a loss without gradient"),
        (Net, lambda state: state.loss, "loss raised AttributeError: 'Tensor' object has no attribute 'loss'"),
    ],
)
def test_without_a_loss_training_is_a_row_that_says_so(factory, loss, message):
    assert message in error_of(factory, loss=loss, inference=False, training=True)
