"""Training in the worker: what a step does, what its tensors take, and what it says of axes that do nothing."""

from __future__ import annotations

import copy
import importlib.util

import pytest
import torch
from support import workloads
from support.tiny import tiny

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.worker.backends import pytorch_optimizers
from hfbench_nb.worker.workloads.training import Training

pytestmark = pytest.mark.measures

BATCH, LENGTH = 2, 16
NO_DROPOUT = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
needs_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="PEFT is not installed")


def prepared(model_type="gpt2", *, architecture=None, dtype="float32", config=None, length=LENGTH, **settings):
    """Prepare a case, and make the call by which memory is read; return what is known then, and the notes."""
    settings = {"dtype": dtype, **settings}
    runtime = workloads.open_runtime("PyTorch", settings)
    case = Case("PyTorch", model_type, "training", BATCH, length, Settings(settings))
    workload = Training(case, ModelSpec(model_type, tiny(model_type, architecture, **(config or {})), "test"))
    with runtime.hear() as heard:
        made = workload.prepare(runtime)
        made.phases.call(lambda: None)
    return made, [made.note, *heard]


def trained_bytes(model):
    return sum(p.nbytes for p in model.parameters() if p.requires_grad)


def by_hand(model, inputs, make_optimizer, *, micro_batches=1, autocast=None):
    """Make one step of training, as a program of one's own does; of an optimizer that has its state."""
    optimizer = make_optimizer(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    rate = optimizer.param_groups[0]["lr"]
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    optimizer.param_groups[0]["lr"] = rate
    optimizer.zero_grad()
    for _ in range(micro_batches):
        with torch.autocast("cpu", dtype=autocast, enabled=autocast is not None):
            loss = model(**inputs).loss / micro_batches
        loss.backward()
    optimizer.step()


@pytest.mark.parametrize(
    ("settings", "hand"),
    [
        ({"optimizer": "sgd"}, {}),
        ({"optimizer": "adamw"}, {}),
        ({"optimizer": "adamw_fused", "gradient_checkpointing": True}, {}),
        ({"optimizer": "adamw", "gradient_accumulation": 3}, {"micro_batches": 3}),
        ({"optimizer": "adamw", "autocast": "bfloat16"}, {"autocast": torch.bfloat16}),
    ],
)
def test_a_step_is_that_of_a_loop_written_by_hand(settings, hand, monkeypatch):
    monkeypatch.setattr(pytorch_optimizers, "_LEARNING_RATE", 0.01)
    runtime = workloads.open_runtime("PyTorch", settings)
    workload = Training(
        Case("PyTorch", "gpt2", "training", BATCH, LENGTH, Settings(settings)),
        ModelSpec("gpt2", tiny("gpt2", **NO_DROPOUT), "test"),
    )
    inputs = []
    make_inputs = workload.make_inputs
    monkeypatch.setattr(
        workload, "make_inputs", lambda *args, **more: inputs.append(make_inputs(*args, **more)) or inputs[0]
    )
    copies = []
    make_call = workload.make_call
    monkeypatch.setattr(
        workload,
        "make_call",
        lambda runtime, model, given: (copies.append(copy.deepcopy(model)), make_call(runtime, model, given))[1],
    )
    made = workload.prepare(runtime)
    (other,) = copies
    for name, parameter in made.model.named_parameters():
        assert torch.equal(parameter, other.get_parameter(name)), name  # making the state leaves them as they are
        assert parameter.grad is None
    before = other.lm_head.weight.detach().clone()
    make = {"sgd": torch.optim.SGD}.get(settings["optimizer"], torch.optim.AdamW)
    fused = {"fused": True} if settings["optimizer"].endswith("fused") else {}
    by_hand(other, inputs[0].tensors, lambda parameters: make(parameters, lr=0.01, **fused), **hand)
    made.call()
    for name, parameter in made.model.named_parameters():
        torch.testing.assert_close(parameter, other.get_parameter(name), rtol=1e-4, atol=1e-6)
    assert not torch.equal(made.model.lm_head.weight, before)


def test_by_default_it_is_a_forward_and_a_backward_pass():
    made, notes = prepared()
    weights = [parameter.detach().clone() for parameter in made.model.parameters()]
    made.call()
    assert all(map(torch.equal, made.model.parameters(), weights))
    assert made.phases.names == ("forward", "backward")
    assert notes == [""]
    assert made.metrics() == {"gradients_mb": trained_bytes(made.model) / MEGABYTE, "optimizer_mb": 0}
    assert made.details["trainable_parameters"] == made.model_facts.parameters


@pytest.mark.parametrize(
    ("optimizer", "least", "most"),
    # Two moments and a counter; none; rows and columns of the squares, of matrices.
    [("adamw", 2, 2.02), ("adamw_fused", 2, 2.02), ("sgd", 0, 0), ("adafactor", 0.01, 0.3)],
)
def test_gradients_and_state_take_what_their_tensors_take(optimizer, least, most):
    made, _ = prepared(optimizer=optimizer)
    metrics, weights_mb = made.metrics(), trained_bytes(made.model) / MEGABYTE
    assert metrics["gradients_mb"] == weights_mb
    assert least * weights_mb <= metrics["optimizer_mb"] <= most * weights_mb


def test_phases_are_timed_and_the_calls_that_read_memory_do_not_count_but_the_first():
    made, _ = prepared(optimizer="adamw", gradient_accumulation=2)
    assert {name: len(durations) for name, durations in made.parts(5).items()} == {
        "forward_s": 1, "backward_s": 1, "optimizer_s": 1,
    }  # fmt: skip
    splits = []
    made.phases.call(lambda: splits.append(len(splits)))
    assert len(splits) == len(made.phases.names) - 1
    assert made.phases.names == ("forward", "backward", "forward", "backward", "optimizer")
    made.call()
    parts = made.parts(5)
    assert all(len(durations) == 2 and min(durations) > 0 for durations in parts.values())
    assert made.decisive_parts is None  # the whole call is what must be precise


def test_weights_that_no_gradient_reaches_have_no_state():
    made, notes = prepared("bert", architecture="BertModel", optimizer="adamw")
    assert "parts of the model that did not run" not in " ".join(notes)
    unused = list(made.model.pooler.parameters())
    assert all(parameter.grad is None for parameter in unused)
    used_bytes = trained_bytes(made.model) - sum(parameter.nbytes for parameter in unused)
    assert made.metrics()["gradients_mb"] * MEGABYTE == used_bytes
    assert made.metrics()["optimizer_mb"] * MEGABYTE == pytest.approx(2 * used_bytes, rel=0.01)


@pytest.mark.parametrize("model_type", ["gpt2", "bert", "t5", "vit", "mixtral"])
def test_checkpointing_computes_layers_again_and_says_where_that_saves_nothing(model_type):
    made, notes = prepared(model_type, gradient_checkpointing=True, length=8)
    saved_mb = made.details["saved_without_checkpointing_bytes"] / MEGABYTE
    (note,) = [note for note in notes if "gradient_checkpointing" in note] or [""]
    assert bool(note) == (saved_mb <= made.metrics()["gradients_mb"])
    assert not note or "saves nothing here: without it, the forward pass keeps" in note
    assert "does nothing" not in note


def test_what_the_forward_pass_keeps_is_counted_without_keeping_it():
    saved = {}
    for length in (8, 32):
        made, _ = prepared(gradient_checkpointing=True, length=length)
        saved[length] = made.details["saved_without_checkpointing_bytes"]
    assert 3 * saved[8] < saved[32] < 8 * saved[8]
    kept = []
    made, _ = prepared(length=32)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        made.call()
    weights = {parameter.data_ptr() for parameter in [*made.model.parameters(), *made.model.buffers()]}
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in kept}
    held = sum(size for address, size in storages.items() if address not in weights)
    assert saved[32] == pytest.approx(held, rel=0.02)


@pytest.mark.parametrize(
    ("given", "note"),
    [
        (
            {"model_type": "squeezebert", "gradient_checkpointing": True},
            "gradient_checkpointing does nothing: SqueezeBertForMaskedLM checkpoints no layer",
        ),
        (
            {"dtype": "bfloat16", "autocast": "bfloat16"},
            "autocast='bfloat16' is left out: it does nothing where the weights are bfloat16 already",
        ),
        ({"gradient_accumulation": 4}, "the batch size is that of a micro-batch: a step has 4 of them"),
    ],
)
def test_a_note_says_where_an_axis_does_nothing_and_what_a_batch_is(given, note):
    _, notes = prepared(**given)
    assert note in notes


def test_float16_scales_the_gradients_and_the_step_is_made():
    made, _ = prepared(optimizer="sgd", autocast="float16")
    before = made.model.lm_head.weight.detach().clone()
    for _ in range(3):
        made.call()
    assert made.model.lm_head.weight.grad.isfinite().all()
    assert not torch.equal(before, made.model.lm_head.weight)


def test_losses_of_routers_count_where_the_configuration_asks_for_them():
    plain, _ = prepared("mixtral")
    routed, _ = prepared("mixtral", config={"output_router_logits": True, "router_aux_loss_coef": 10.0})
    assert routed.call() > plain.call() + 1


def test_what_cannot_be_imported_or_used_is_told():
    with pytest.raises(
        NotImplementedError, match="optimizer='adamw_8bit' needs bitsandbytes.*pip install bitsandbytes"
    ):
        prepared(optimizer="adamw_8bit")
    if importlib.util.find_spec("peft") is None:
        with pytest.raises(NotImplementedError, match=r"lora_rank=8 needs PEFT.*pip install 'hfbench-nb\[lora\]'"):
            prepared(lora_rank=8)


@needs_peft
@pytest.mark.parametrize("model_type", ["gpt2", "bert", "vit"])  # PEFT has no default for ViT
def test_only_the_adapters_of_lora_have_gradients_and_state(model_type, monkeypatch):
    from peft.tuners.lora import torchao

    def refuse():
        raise ImportError("Found an incompatible version of torchao")

    monkeypatch.setattr(torchao, "is_torchao_available", refuse)  # as PEFT 0.19 with the torchao that Colab has
    made, notes = prepared(model_type, lora_rank=4, optimizer="adamw", gradient_checkpointing=model_type == "gpt2")
    adapters = {name: p for name, p in made.model.named_parameters() if "lora_" in name}
    assert {name for name, p in made.model.named_parameters() if p.requires_grad} == set(adapters)
    trained = sum(parameter.numel() for parameter in adapters.values())
    assert made.details["trainable_parameters"] == trained
    assert made.model_facts.parameters == sum(parameter.numel() for parameter in made.model.parameters())
    assert made.metrics()["gradients_mb"] * MEGABYTE == 4 * trained
    assert made.metrics()["optimizer_mb"] * MEGABYTE == pytest.approx(8 * trained, rel=0.05)
    assert notes[0].startswith("LoRA: only adapters of rank 4 are trained, in ")
    frozen = {name: p.detach().clone() for name, p in made.model.named_parameters() if name not in adapters}
    made.call()
    assert all(torch.equal(made.model.get_parameter(name), before) for name, before in frozen.items())
    assert any(parameter.grad.abs().sum() > 0 for parameter in adapters.values())
