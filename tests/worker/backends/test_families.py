"""Every family of models: built right, given what it takes, measured in both tasks."""

from __future__ import annotations

import warnings

import pytest
import torch
import transformers
from support.families import BATCH, CPU, LENGTH, every_type, prepare, prepared_inference, spec_of
from support.models import short
from support.outputs import first_tensor
from support.places import ROOT
from support.tiny import TINY, tiny

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.configurations import catalog
from hfbench_nb.worker.backends import pytorch_models
from hfbench_nb.worker.backends.inputs import make_inputs

# One process imports the code of each type, and builds its model once.
pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("families")]


def test_there_are_at_least_thirty_types_with_all_of_the_catalogue_and_the_documentation_lists_them():
    assert len(TINY) >= 30
    # PyTorch cannot run Transformer-XL any more, with any version that has its code.
    assert {checkpoint.config["model_type"] for checkpoint in catalog.checkpoints()} - {"transfo-xl"} <= set(TINY)
    page = (ROOT / "SUPPORTED_MODELS.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert listed >= set(TINY)


@every_type
def test_a_model_built_fast_computes_what_one_built_ordinarily_does(model_type):
    fast, _, call = prepared_inference(model_type)
    ordinary = type(fast)(fast.config).eval()
    assert [name for name, _ in fast.named_parameters()] == [name for name, _ in ordinary.named_parameters()]
    made = dict(ordinary.named_buffers()) | {n: p for n, p in ordinary.named_parameters() if not p.requires_grad}
    ours = dict(fast.named_buffers()) | {n: p for n, p in fast.named_parameters() if not p.requires_grad}
    assert made.keys() == ours.keys()
    for name, tensor in made.items():
        torch.testing.assert_close(ours[name], tensor, msg=lambda text, name=name: f"{name}: {text}")
    ordinary.load_state_dict(fast.state_dict())
    inputs = pytorch_models.to_tensors(make_inputs(fast, BATCH, LENGTH, seed=0).arrays, fast, CPU)
    torch.manual_seed(0)
    one = first_tensor(call())
    torch.manual_seed(0)
    other = first_tensor(pytorch_models.infer(ordinary, inputs))
    assert one.isfinite().all()
    assert one.float().std() > 1e-5
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@every_type
def test_every_weight_is_finite_and_none_is_denormal(model_type):
    model, *_ = prepared_inference(model_type)
    for name, parameter in model.named_parameters():
        assert parameter.isfinite().all(), name
        assert not ((parameter != 0) & (parameter.abs() < torch.finfo(parameter.dtype).tiny)).any(), name


@every_type
def test_training_minimises_what_the_head_is_for(model_type):
    model, prepared, call = prepare(spec_of(model_type), "training")
    assert call().isfinite()
    assert "no loss" not in prepared.details["loss"]
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert any(gradient.abs().max() > 0 for gradient in gradients)


@every_type
def test_the_batch_size_is_the_first_dimension_of_every_input(model_type):
    _, prepared, _ = prepared_inference(model_type)
    shapes = prepared.details["inputs"]
    assert shapes
    assert all(shape[0] == BATCH for shape in shapes.values())


def test_the_same_seed_builds_the_same_model():
    one, other = (prepare(spec_of("mamba"), seed=seed)[0].state_dict() for seed in (3, 3))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_notes_are_shown_where_the_figures_are():
    configs = [transformers.AutoConfig.for_model(**tiny(name)) for name in ("vit", "bert")]
    results = PyTorchBenchmark(short(models=["vit", "bert"], training=True), configs=configs).run()
    assert list(results.frame["status"]) == ["ok"] * 4, list(results.frame["error"])
    assert str(results).count("Note: vit: no sequence length: images of 32 x 32") == 4
    assert "Note: bert" not in str(results)
    # On hover over time and memory, and over throughput, time per token and share of the peak, which are folded.
    assert results._repr_html_().count("no sequence length: images of 32 x 32") == 10
    assert results.entries[0][1].details["inputs"] == {"pixel_values": [1, 3, 32, 32]}


@pytest.mark.parametrize("model_type", ["whisper", "wav2vec2", "clip", "qwen2_moe"])
def test_other_families_are_measured_in_a_process_of_their_own(model_type):
    config = transformers.AutoConfig.for_model(**tiny(model_type))
    results = PyTorchBenchmark(short(training=True), configs=[config]).run()
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])


def test_no_deprecation_reaches_the_user(capfd):
    with warnings.catch_warnings(record=True) as caught:
        for model_type in ("gpt_neo", "longformer", "wav2vec2", "t5"):
            prepare(spec_of(model_type), "training")[2]()
    mine = [w for w in caught if issubclass(w.category, DeprecationWarning | FutureWarning)]
    assert not mine, [str(w.message) for w in mine]
    assert capfd.readouterr().err == ""


@every_type
def test_what_torchscript_traces_computes_what_the_model_does(model_type):
    model, _, call = prepare(spec_of(model_type), settings={"torchscript": True})
    inputs = pytorch_models.to_tensors(make_inputs(model, BATCH, LENGTH, seed=0).arrays, model, CPU)
    torch.manual_seed(0)
    one = first_tensor(call())
    torch.manual_seed(0)
    torch.testing.assert_close(one, first_tensor(pytorch_models.infer(model, inputs)), rtol=1e-4, atol=1e-4)


def test_what_torchscript_cannot_trace_says_so():
    class Untraceable(torch.nn.Module):
        def forward(self, input_ids):
            return {}[input_ids.sum()]

    with pytest.raises(RuntimeError, match=r"cannot trace Untraceable .* torchscript=False runs it untraced"):
        pytorch_models.trace(Untraceable(), {"input_ids": torch.ones(1, 2)})
