"""Profiles in the worker: whose time each operator is, in models of many families."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support import workloads
from support.tiny import tiny
from torch.autograd import DeviceType

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.profile import (
    ATTENTION,
    EMBEDDINGS,
    FEED_FORWARD,
    HEAD,
    IDLE,
    MIXING,
    NORMS,
    OPTIMIZER,
    OTHER,
    WAITING,
    Profile,
)
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.worker.backends import pytorch_profile
from hfbench_nb.worker.backends.base_profile import ProfilingRuntime
from hfbench_nb.worker.backends.pytorch_events import CALL, Spent
from hfbench_nb.worker.backends.pytorch_groups import Grouping, parts_of

pytestmark = pytest.mark.measures

BATCH, LENGTH = 2, 16


def profiled(model_type, task="inference", **settings):
    """Profile a call of a tiny model, and read the trace."""
    settings = {"dtype": "float32", "threads": 1, **settings}
    runtime = workloads.open_runtime("PyTorch", settings)
    assert isinstance(runtime, ProfilingRuntime)
    case = Case("PyTorch", model_type, task, BATCH, LENGTH, Settings(settings))
    prepared = resolve(TASKS[task].workload)(case, ModelSpec(model_type, tiny(model_type), "test")).prepare(runtime)
    prepared.call()
    found = runtime.profile(prepared.call, prepared.model)
    trace = Path(found.trace)
    events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    trace.unlink()
    runtime.close()
    return found, {event.get("name") for event in events}


def names_in(found, group):
    return {each.name for each in found.operators if each.group == group}


# Classes, of both majors of Transformers, by the start of their names.
FAMILIES = {
    "bert": {EMBEDDINGS: "BertEmbeddings", ATTENTION: "BertAttention", FEED_FORWARD: "BertIntermediate",
             HEAD: "BertOnlyMLMHead", NORMS: "LayerNorm"},
    "gpt2": {EMBEDDINGS: "Embedding", ATTENTION: "GPT2Attention", FEED_FORWARD: "GPT2MLP", HEAD: "Linear"},
    "llama": {EMBEDDINGS: "Embedding", ATTENTION: "LlamaAttention", FEED_FORWARD: "LlamaMLP", HEAD: "Linear",
              NORMS: "LlamaRMSNorm"},
    "albert": {ATTENTION: "Albert", FEED_FORWARD: "AlbertLayer", HEAD: "AlbertMLMHead"},
    "t5": {EMBEDDINGS: "Embedding", ATTENTION: "T5LayerSelfAttention", FEED_FORWARD: "T5LayerFF", HEAD: "Linear"},
    "bart": {EMBEDDINGS: "Bart", ATTENTION: "BartAttention", FEED_FORWARD: "Linear", HEAD: "Linear"},
    "vit": {EMBEDDINGS: "ViTEmbeddings", ATTENTION: "ViTAttention", FEED_FORWARD: "ViT", HEAD: "Linear"},
    "qwen3_moe": {ATTENTION: "Qwen3MoeAttention", FEED_FORWARD: "Qwen3MoeSparseMoeBlock", HEAD: "Linear"},
    "mamba": {EMBEDDINGS: "Embedding", MIXING: "MambaMixer", HEAD: "Linear"},
    "fnet": {MIXING: "FNetFourierTransform", FEED_FORWARD: "FNetIntermediate"},
    "wav2vec2": {EMBEDDINGS: "Wav2Vec2FeatureEncoder", ATTENTION: "Wav2Vec2Attention",
                 FEED_FORWARD: "Wav2Vec2FeedForward", HEAD: "Linear"},
    "whisper": {EMBEDDINGS: "Conv1d", ATTENTION: "WhisperAttention", FEED_FORWARD: "Linear", HEAD: "Linear"},
    "convnext": {EMBEDDINGS: "ConvNextEmbeddings", MIXING: "Conv2d", FEED_FORWARD: "ConvNextLayer"},
}  # fmt: skip


@pytest.mark.parametrize("model_type", FAMILIES)
def test_modules_are_grouped_as_a_reader_thinks(model_type):
    found, _ = profiled(model_type)
    for group, name in FAMILIES[model_type].items():
        assert any(each.startswith(name) for each in found.modules[group]), (group, found.modules)
    assert (MIXING in found.modules) == (MIXING in FAMILIES[model_type])
    attending = {each.group for each in found.operators if "dot_product" in each.name}
    assert attending <= {ATTENTION}
    assert math.fsum(each.self_s for each in found.operators) == pytest.approx(found.traced_s)
    assert Profile.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert len(json.dumps(found.to_dict())) < 12_000


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_backward_pass_belongs_to_where_its_operators_ran_forwards(checkpointing):
    found, names = profiled("gpt2", "training", optimizer="adamw", gradient_checkpointing=checkpointing)
    groups = {each.group for each in found.operators}
    assert {EMBEDDINGS, ATTENTION, FEED_FORWARD, NORMS, HEAD, OPTIMIZER} <= groups
    assert "embedding_dense_backward" in names_in(found, EMBEDDINGS)
    assert "_softmax_backward_data" in names_in(found, ATTENTION)
    assert "native_layer_norm_backward" in names_in(found, NORMS)
    assert "_log_softmax_backward_data" in names_in(found, HEAD)
    assert not [name for name in names_in(found, OTHER) | names_in(found, FEED_FORWARD) if "softmax" in name]
    assert not [name for name in names_in(found, OTHER) if "mm" in name]
    assert "transformer.h.0.attn (GPT2Attention)" in names


def test_tokens_that_are_not_traced_count_too():
    found, _ = profiled("gpt2", "generation", new_tokens=30)
    assert found.note.startswith("8 of 30 new tokens were traced")
    assert sum(each.calls for each in found.operators if each.name == "argmax") == 30
    attending = sum(each.calls for each in found.operators if "dot_product_attention" in each.name)
    assert attending % 30 == 0
    few, _ = profiled("gpt2", "generation", new_tokens=4)
    assert few.note == ""


def test_a_traced_model_has_operators_alone():
    found, _ = profiled("bert", torchscript=True)
    assert "modules cannot be told apart" in found.note
    assert {each.group for each in found.operators} == {OTHER}
    assert "addmm" in names_in(found, OTHER)


def test_quantised_layers_belong_where_those_that_they_replace_do():
    runtime = workloads.open_runtime("PyTorch", {"dtype": "float32", "threads": 1})
    prepared = workloads.prepare(runtime, ModelSpec("bert", tiny("bert"), "test"), "inference", BATCH, LENGTH)
    quantised = torch.ao.quantization.quantize_dynamic(prepared.model, {torch.nn.Linear}, dtype=torch.qint8)
    tokens = torch.zeros(BATCH, LENGTH, dtype=torch.long)
    found = runtime.profile(lambda: quantised(tokens), quantised)
    Path(found.trace).unlink()
    for group in (ATTENTION, FEED_FORWARD, HEAD):
        assert any(each.startswith(FAMILIES["bert"][group]) for each in found.modules[group]), found.modules
        assert "quantized::linear_dynamic" in names_in(found, group)


class Attending(torch.nn.Module):
    """A layer that attends by matrix products, as a user writes it."""

    def __init__(self):
        super().__init__()
        self.queries, self.keys, self.out = (torch.nn.Linear(8, 8) for _ in range(3))
        self.norm = torch.nn.LayerNorm(8)
        self.up, self.act, self.down = torch.nn.Linear(8, 32), torch.nn.GELU(), torch.nn.Linear(32, 8)
        self.mixer = Mixer()

    def forward(self, x):
        return x + self.down(self.act(self.up(self.norm(x + self.mixer(x)))))


class Mixer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.queries, self.values = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)

    def forward(self, x):
        q = self.queries(x)
        return torch.bmm(torch.bmm(q, q.transpose(1, 2)).softmax(-1), self.values(x))


def test_names_do_not_matter_and_a_function_may_call_any_module():
    model = torch.nn.Sequential(torch.nn.Embedding(10, 8), Attending(), Attending(), torch.nn.Linear(8, 10))
    tokens = torch.zeros(2, 4, dtype=torch.long)
    runtime = workloads.open_runtime("PyTorch", {"dtype": "float32", "threads": 1})
    found = runtime.profile(lambda: model(tokens), None)
    Path(found.trace).unlink()
    assert found.modules == {
        EMBEDDINGS: ("Embedding (1)",),
        ATTENTION: ("Mixer (2)",),
        NORMS: ("LayerNorm (2)",),
        FEED_FORWARD: ("Linear (4)", "GELU (2)"),
        HEAD: ("Linear (1)",),
    }


def test_a_model_that_was_not_called_has_groups_too():
    assert set(Grouping(parts_of(torch.nn.Sequential(torch.nn.Linear(2, 2)))).groups) <= {FEED_FORWARD, OTHER}


def test_a_trace_that_is_too_large_is_not_kept(monkeypatch):
    monkeypatch.setattr(pytorch_profile, "_LARGEST_TRACE_BYTES", 10)
    runtime = workloads.open_runtime("PyTorch", {"dtype": "float32"})
    found = runtime.profile(lambda: torch.ones(2), None)
    assert (found.trace, "the trace was not kept: it takes" in found.note) == ("", True)


def event(name, start, end, *, device_us=0.0, children=(), thread=1):
    """An event as PyTorch's profiler has it, of a device."""
    made = SimpleNamespace(
        name=name, device_type=DeviceType.CPU, is_async=False, thread=thread, fwd_thread=0, sequence_nr=-1, scope=0,
        time_range=SimpleNamespace(start=start, end=end), cpu_children=list(children), cpu_parent=None,
        is_user_annotation=name == CALL, self_device_time_total=device_us, self_device_memory_usage=0,
    )  # fmt: skip
    for child in children:
        child.cpu_parent = made
    return made


def test_what_a_trace_adds_on_the_host_is_no_time_of_a_device():
    product, later = event("aten::mm", 10, 20, device_us=30.0), event("aten::add", 50, 60, device_us=10.0)
    elsewhere = event("aten::mul", 70, 75, device_us=20.0, thread=2)
    events = [event(CALL, 0, 200, children=[product, later]), product, later, elsewhere]
    found = Spent(events, [], {}, None, untraced_s=100e-6).profile("", "")
    assert {each.name: each.self_s for each in found.operators} == {
        WAITING: 40e-6, "mm": 30e-6, "mul": 20e-6, "add": 10e-6,
    }  # fmt: skip
    assert found.traced_s == pytest.approx(100e-6)
    assert next(each.group for each in found.operators if each.name == WAITING) == IDLE
    busy = Spent(events, [], {}, None, untraced_s=50e-6).profile("", "")
    assert WAITING not in {each.name for each in busy.operators if each.self_s}
