"""Figures against costs that were planted, and against what is known of a model."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap

import pytest
import torch
from support.holding import hold_for_a_moment
from support.models import short
from support.places import ROOT, TESTS
from support.planted import PlantedConfig
from transformers import AutoConfig, AutoModel, BertConfig

from hfbench_nb import PyTorchBenchmark, TensorFlowBenchmark, TensorFlowBenchmarkArguments, measure
from hfbench_nb.configurations.catalog import find_config
from hfbench_nb.protocol.measurement import MEGABYTE

pytestmark = [
    pytest.mark.measures,
    pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark is Linux's"),
]


def only_memory(function, **given):
    return measure(function, speed=False, timeout_s=120.0, **given).frame.iloc[0]


@pytest.mark.parametrize(("size_mib", "within_mib"), [(8, 0.5), (64, 1.0), (512, 1.0)])
def test_a_planted_transient_is_read(size_mib, within_mib):
    found = only_memory(hold_for_a_moment, setup=lambda: size_mib)
    assert found["memory_method"] == "VmHWM"
    assert found["working_mb"] == pytest.approx(size_mib, abs=within_mib)


def test_a_planted_baseline_is_baseline():
    bare = only_memory(lambda: None, setup=lambda: None)
    planted = only_memory(lambda held: None, setup=lambda: b"x" * (64 * MEGABYTE))
    assert planted["baseline_mb"] - bare["baseline_mb"] == pytest.approx(64, abs=1.0)
    assert planted["working_mb"] < 1.0


def test_planted_weights_and_working_memory_come_back_in_their_columns():
    sizes = {"large": (192, 64), "small": (16, 8)}
    configs = [PlantedConfig(weights_mib=weights, working_mib=working) for weights, working in sizes.values()]
    frame = PyTorchBenchmark(short(models=list(sizes), speed=False), configs=configs).run().frame.set_index("model")
    assert list(frame["status"]) == ["ok", "ok"], list(frame["error"])
    for name, (weights_mib, working_mib) in sizes.items():
        assert frame.loc[name, "weights_mb"] == pytest.approx(weights_mib, abs=1.0)
        assert frame.loc[name, "working_mb"] == pytest.approx(working_mib, abs=1.0)


def test_what_earlier_calls_keep_is_not_what_a_call_needs():
    kept = []
    found = measure(lambda: kept.append(b"x" * (5 * MEGABYTE)), max_seconds=0.2).frame.iloc[0]
    assert found["status"] == "ok"
    assert found["working_mb"] == pytest.approx(5, abs=1)


def test_a_function_is_measured_by_a_framework():
    found = measure(lambda: __import__("torch").ones(1 << 22), framework="pytorch", max_seconds=0.1).frame.iloc[0]
    assert (found["status"], found["error"]) == ("ok", "")
    assert found["working_mb"] == pytest.approx(16, abs=2)


def test_the_same_case_needs_the_same_memory_each_time():
    """What the heap keeps of freed blocks made the same peak vary by 6 %, above all in training."""
    config = BertConfig(hidden_size=256, num_hidden_layers=6, num_attention_heads=4, intermediate_size=1024)
    args = short(models=["a", "b", "c"], batch_sizes=[4], sequence_lengths=[128], training=True)
    frame = PyTorchBenchmark(args, configs=[config] * 3).run().frame
    assert set(frame["status"]) == {"ok"}, list(frame["error"])
    for _, rows in frame.groupby("task"):
        assert rows["memory_mb"].max() - rows["memory_mb"].min() <= max(0.5, 0.005 * rows["memory_mb"].min())


# ---- weights of catalogue models

CATALOGUE = ["google-bert/bert-base-uncased", "distilbert/distilbert-base-uncased", "openai-community/gpt2",
             "google-t5/t5-small", "FacebookAI/roberta-base"]  # fmt: skip


def expected_bytes(name, dtype):
    """Count what the model holds, without any memory: each tied weight once; and buffers that no checkpoint stores."""
    config = AutoConfig.for_model(**find_config(name))
    with torch.device("meta"):
        model = AutoModel.from_config(config).to(dtype)
    made = [buffer.nbytes for name, buffer in model.named_buffers() if name not in model.state_dict()]
    return sum(parameter.nbytes for parameter in model.parameters()), sum(made)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_of_catalogue_models_are_what_their_parameters_take(dtype):
    args = short(models=CATALOGUE, speed=False, dtype=dtype, only_pretrain_model=True)
    results = PyTorchBenchmark(args).run()
    for case, measurement in results.entries:
        parameters, buffers = expected_bytes(case.model, getattr(torch, dtype))
        assert measurement.model_facts.non_persistent_buffer_bytes == buffers
        assert measurement.memory.weights_bytes == pytest.approx(parameters, rel=0.02), case.model
        assert measurement.memory.working_bytes > buffers


@pytest.mark.parametrize("one_dnn", ["0", "1"])
def test_weights_in_tensorflow_are_what_the_parameters_take(monkeypatch, one_dnn):
    """Whatever TensorFlow notes beside them: the allocator of oneDNN, for one, 3 to 6 % of the weights."""
    pytest.importorskip("tensorflow")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", one_dnn)
    args = TensorFlowBenchmarkArguments(
        models=CATALOGUE[:4] if one_dnn == "1" else CATALOGUE[1:2],
        batch_sizes=[1], sequence_lengths=[8], speed=False, only_pretrain_model=True, eager_mode=True,
    )  # fmt: skip
    for case, measurement in TensorFlowBenchmark(args).run().entries:
        parameters = 4 * measurement.model_facts.parameters
        assert measurement.memory.weights_bytes == pytest.approx(parameters, rel=0.02), case.model
        # A variable that was written to in part would be copied by every pass, and the model be there twice.
        assert measurement.memory.working_bytes < measurement.memory.weights_bytes / 2, case.model


def test_tied_weights_count_once():
    results = PyTorchBenchmark(short(models=["openai-community/gpt2"], speed=False, training=True)).run()
    heads = {case.task: m.memory.weights_bytes for case, m in results.entries}
    assert heads["training"] == pytest.approx(heads["inference"], rel=0.01)  # the head is the embedding


# ---- the state of the caller

STATES = {
    "numpy": "import numpy; held = numpy.ones(1 << 28)",  # 2 GiB
    "threads": "import torch; torch.set_num_threads(4); (torch.ones(999, 999) @ torch.ones(999, 999)).sum()",
    "model": "import torch; model = torch.nn.Linear(8192, 9600)",  # 300 MiB
    "tensorflow": "import tensorflow; tensorflow.zeros(9)",
    "cuda": "import torch; on_gpu = torch.zeros(1 << 20, device='cuda')",
}
SCRIPT = """
import asyncio, json
from support import light
from support.models import short
from hfbench_nb import PyTorchBenchmark
from hfbench_nb.execution.servers import close_all

STATES = json.loads({states!r})
sizes = {{"num_attention_heads": 4, "intermediate_size": 1024, "vocab_size": 30522, "max_position_embeddings": 512}}
subject = light.bert(hidden_size=256, **sizes)

def memory():
    close_all()  # the server is started anew, by a caller in this state
    args = short(models=[subject], speed=False, sequence_lengths=[128], device={device!r})
    row = PyTorchBenchmark(args).run().frame.iloc[0]
    return [row["memory_mb"], row["baseline_mb"], row["weights_mb"], row["working_mb"]]

async def in_a_loop():
    return memory()

clean = memory()
for code in STATES.values():
    exec(code)
print(json.dumps([clean, asyncio.run(in_a_loop())]))
"""


def memory_before_and_in(states, device="cpu"):
    """Return what a clean caller reads, and what the same caller reads once it is in all of these states."""
    script = textwrap.dedent(SCRIPT).format(device=device, states=json.dumps({name: STATES[name] for name in states}))
    path = os.pathsep.join([str(TESTS), str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path}, text=True,
                          capture_output=True, timeout=280)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def assert_alike(clean, other):
    assert other[0] == pytest.approx(clean[0], rel=0.005)
    for part, clean_part in zip(other[1:], clean[1:], strict=True):
        assert part == pytest.approx(clean_part, abs=0.005 * clean[0])


def test_the_callers_state_changes_no_metric_by_half_a_percent():
    states = ["numpy", "threads", "model"]
    if importlib.util.find_spec("tensorflow"):
        states.append("tensorflow")
    assert_alike(*memory_before_and_in(states))


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_an_open_cuda_context_of_the_caller_changes_no_metric(real_gpu, device):
    assert_alike(*memory_before_and_in(["cuda"], device))
