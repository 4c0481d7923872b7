"""Calls that are followed on meta tensors count like those that are computed."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import transformers
from support.counting import counting, refused
from support.models import tiny_bert
from support.tiny import tiny

from hfbench_nb.worker.backends.base import CallInputs
from hfbench_nb.worker.backends.first_tokens import generate_first
from hfbench_nb.worker.backends.meta_results import NewTensors
from hfbench_nb.worker.backends.pytorch_counting import Counting, _counted, _on_meta
from hfbench_nb.worker.backends.pytorch_generation import Generate

pytestmark = [pytest.mark.measures]


@pytest.mark.parametrize(
    ("model_type", "training"),
    [*((name, way) for name in ("bert", "gpt2", "llama", "qwen3", "vit") for way in (False, True)), ("t5", False)],
)
def test_passes_of_plain_models_are_followed_and_count_like_those_that_are_computed(model_type, training):
    config = transformers.AutoConfig.for_model(**tiny(model_type))
    model = getattr(transformers, config.architectures[0])(config).eval()
    ids = torch.ones(2, 8).long()
    given = {"pixel_values": torch.zeros(1, 3, 32, 32)} if model_type == "vit" else {"input_ids": ids}
    if training:
        given["labels"] = torch.zeros(1).long() if model_type == "vit" else ids
    if model_type == "t5":
        given["decoder_input_ids"] = ids
    inputs = CallInputs(given)

    def call_of(model, inputs):
        def call(next_phase):
            model.zero_grad()
            with torch.set_grad_enabled(training):
                outputs = model(**inputs.tensors)
            if training:
                outputs.loss.backward()

        return call

    call = call_of(model, inputs)
    followed, computed = counting(call).count(refused, call_of, model, inputs)[0], _counted(call, model)[0]
    assert (followed.flops, followed.parameter_bytes) == (computed.flops, computed.parameter_bytes)
    assert followed.moved_bytes == pytest.approx(computed.moved_bytes, rel=1e-3)


def test_each_further_layer_adds_as_much_and_none_of_its_operations_is_new(monkeypatch):
    remembered, remember = [], NewTensors.__init__

    def noted(self, out):
        remembered.append(out)
        remember(self, out)

    monkeypatch.setattr(NewTensors, "__init__", noted)

    def call_of(model, inputs):
        return torch.no_grad()(lambda next_phase: model(**inputs.tensors))

    counts, operations = [], []
    for layers in (2, 3, 4):
        model = transformers.BertModel(tiny_bert(num_hidden_layers=layers)).eval()
        inputs = CallInputs({"input_ids": torch.ones(2, 8).long()})
        counts += counting(call_of(model, inputs)).count(refused, call_of, model, inputs)
        operations.append(len(remembered))
        remembered.clear()
    for of in ("flops", "parameter_bytes", "moved_bytes"):
        two, three, four = (getattr(count, of) for count in counts)
        assert four - three == three - two > 0
    assert operations[0] == operations[1] == operations[2] > 10


@pytest.mark.parametrize(
    ("model_type", "cache"),
    [("gpt2", None), ("llama", None), ("llama", "static"), ("qwen3", None), ("t5", None), ("gemma3_text", None)],
)
def test_generations_are_followed_by_transformers_5_and_count_like_those_that_are_computed(model_type, cache):
    config = transformers.AutoConfig.for_model(**tiny(model_type))
    model = getattr(transformers, config.architectures[0])(config).eval()
    inputs = CallInputs({"input_ids": torch.ones(2, 8).long(), "attention_mask": torch.ones(2, 8).long()})

    def call_of(model, inputs):
        return partial(generate_first, 3, Generate(model, inputs.tensors, 8, 20, cache))

    # Transformers 4 reads how far a text is out of a tensor.
    computing = call_of(model, inputs)
    call = refused if int(transformers.__version__.split(".")[0]) >= 5 else computing
    followed, computed = counting(computing).count(call, call_of, model, inputs), _counted(computing, model)
    assert len(followed) == len(computed) == 4
    for one, other in zip(followed, computed, strict=True):
        assert (one.flops, one.parameter_bytes) == (other.flops, other.parameter_bytes)
        assert one.moved_bytes == pytest.approx(other.moved_bytes, rel=1e-3)


def test_what_cannot_be_followed_without_numbers_is_run():
    class Reads(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(8, 8)

        def forward(self, x):
            return self.layer(x) if float(x.sum()) < 1e9 else x

    model, inputs = Reads(), CallInputs({"x": torch.ones(4, 8)})

    def call_of(model, inputs):
        return lambda next_phase: model(**inputs.tensors)

    call = call_of(model, inputs)
    (found, *_) = counting(call).count(call, call_of, model, inputs)
    assert found.flops == 2 * 4 * 8 * 8


def test_a_call_that_runs_several_kernels_of_attention_is_run():
    model, inputs = torch.nn.Linear(8, 8), CallInputs({"x": torch.ones(4, 8)})
    made = Counting()
    made.attention_kernels = ("flash (CPU)", "math")
    with pytest.raises(AssertionError, match="it was computed"):
        made.count(refused, lambda model, inputs: lambda next_phase: model(inputs.tensors["x"]), model, inputs)


def test_a_model_on_meta_tensors_shares_what_it_shared_and_leaves_the_model_alone():
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(4, 4), "b": torch.nn.Linear(4, 4)})
    model["b"].weight = model["a"].weight
    twin = _on_meta(model)
    assert twin["a"].weight is twin["b"].weight
    assert twin["a"].weight.is_meta
    assert not model["a"].weight.is_meta
