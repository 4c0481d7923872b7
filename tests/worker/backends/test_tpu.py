"""TPUs, with fakes: torch_xla as a package of ours, and TensorFlow's default strategy in place of the TPU's."""

from __future__ import annotations

import sys

import pytest
from support.models import short, tiny_bert
from support.tensorflow_runs import arguments, needs_tensorflow

from hfbench_nb import ArgumentError, PyTorchBenchmark, TensorFlowBenchmark

pytestmark = pytest.mark.measures

XLA_MODEL = """
import torch
steps = 0
def xla_device():
    return torch.device("cpu")
def mark_step():
    global steps
    steps += 1
def wait_device_ops():
    pass
"""


@pytest.fixture
def torch_xla(tmp_path, monkeypatch):
    for name, text in {
        "core/xla_model": XLA_MODEL,
        "debug/metrics": "def metrics_report(): return 'xla metrics'",
    }.items():
        path = tmp_path / "torch_xla" / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        (path.parent / "__init__.py").touch()
        (path.parent.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith("torch_xla")]:
        del sys.modules[name]


def test_torch_xla_takes_each_call_as_a_step_in_the_calling_process(torch_xla, capsys):
    args = short(memory=False, training=True, torch_xla_tpu_print_metrics=True)
    assert args.is_tpu
    assert not args.do_multi_processing
    results = PyTorchBenchmark(args, configs=[tiny_bert()]).run()
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    assert results.environment["use_tpu"] is True
    assert "xla metrics" in capsys.readouterr().out
    import torch_xla.core.xla_model

    samples = sum(m.timing.calls_per_sample * len(m.timing.samples_s) for _, m in results.entries)
    assert torch_xla.core.xla_model.steps > samples


def test_memory_on_a_tpu_is_refused_clearly(torch_xla):
    with pytest.raises(ArgumentError, match=r"memory=True cannot be used on a TPU.*--no_memory"):
        PyTorchBenchmark(short(), configs=[tiny_bert()])


def test_without_a_tpu_nothing_of_it_is_imported():
    assert not short().is_tpu
    assert "torch_xla" not in sys.modules


@needs_tensorflow
def test_tensorflow_runs_on_the_strategy_of_the_tpu_that_is_named(monkeypatch):
    import tensorflow as tf

    connected = []
    monkeypatch.setattr(tf.distribute.cluster_resolver, "TPUClusterResolver", lambda name: f"resolver of {name}")
    monkeypatch.setattr(tf.config, "experimental_connect_to_cluster", connected.append)
    monkeypatch.setattr(tf.tpu.experimental, "initialize_tpu_system", connected.append)
    monkeypatch.setattr(tf.distribute, "TPUStrategy", lambda resolver: tf.distribute.get_strategy())
    args = arguments(tpu_name="mine", memory=False, training=True)
    assert args.is_tpu
    results = TensorFlowBenchmark(args, configs=[tiny_bert()]).run()
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    assert connected[:2] == ["resolver of mine"] * 2
    assert results.entries[0][1].details["device"] == "tpu"
    with pytest.raises(ArgumentError, match="memory=True cannot be used on a TPU"):
        TensorFlowBenchmark(arguments(tpu_name="mine"), configs=[tiny_bert()])
