"""Estimates against PyTorch's own count of what it allocates in a real pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support.allocated import allocated_peak, really_needed
from support.tiny import tiny
from torch.nn import functional

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.worker import measuring
from hfbench_nb.worker.backends.fake_tensors import FakeTensors, UnknownContentsError
from hfbench_nb.worker.backends.pytorch_estimate import EstimatingRuntime

pytestmark = pytest.mark.measures

BATCH, LENGTH = 4, 32


def workload_of(task, spec, settings, sizes=(BATCH, LENGTH)):
    case = Case("PyTorch", spec.name, task, *sizes, settings)
    return resolve(TASKS[task].workload)(case, spec)


def estimated(task, spec, settings=Settings(), sizes=(BATCH, LENGTH)):  # noqa: B008 - frozen
    method = Method(speed=False)
    return measuring.measure(
        lambda: EstimatingRuntime(settings, method), workload_of(task, spec, settings, sizes), method, lambda *_: None
    )


@pytest.mark.parametrize("task", ["inference", "training"])
@pytest.mark.parametrize(
    "model_type", ["bert", "gpt2", "llama", "mixtral", "t5", "bart", "whisper", "longformer", "vit"]
)
def test_an_estimate_is_what_a_pass_allocates(model_type, task):
    sizes = {"attention_probs_dropout_prob": 0.1} if model_type == "bert" else {}
    spec = ModelSpec(model_type, tiny(model_type, None, **sizes), "test")
    found = estimated(task, spec)
    assert found.succeeded, found.failure
    assert found.memory.method == "tensors"
    needed = really_needed(task, spec, {}, BATCH, LENGTH)
    # How many tokens each expert gets is random in a real pass, of so few.
    assert found.memory.working_bytes == pytest.approx(needed, rel=0.1 if model_type == "mixtral" else 0.03, abs=4096)


@pytest.mark.parametrize("uses", ["embedding", "embedding embedding embedding", "linear linear", "embedding linear"])
def test_gradients_of_shared_weights_are_added_where_real_ones_are(uses):
    def peak_of(watch):
        weights = torch.nn.Parameter(torch.zeros(20000, 64))
        ids, states = torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 4, 64)

        def use():
            out = states
            for name in uses.split():
                read = functional.embedding(ids, weights) if name == "embedding" else functional.linear(out, weights)
                out = out + read[..., :64].tanh()
            out.sum().backward()
            weights.grad = None

        use()
        return watch(use) / weights.numel() / 4

    def faked(use):
        fakes.peak_bytes = fakes.live_bytes
        before = fakes.live_bytes
        use()
        return fakes.peak_bytes - before

    with FakeTensors() as fakes:
        estimate = peak_of(faked)
    assert estimate == pytest.approx(peak_of(allocated_peak), abs=0.02)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_an_estimate_of_a_whole_step_is_what_it_allocates(checkpointing):
    settings = Settings(optimizer="adamw", gradient_checkpointing=checkpointing)
    spec = ModelSpec("bert", tiny("bert", None, vocab_size=2000), "test")
    found = estimated("training", spec, settings)
    assert found.succeeded, found.failure
    needed = really_needed("training", spec, settings, BATCH, LENGTH)
    assert found.memory.working_bytes == pytest.approx(needed, rel=0.03)


@pytest.mark.parametrize(
    ("model_type", "cache", "new_tokens"),
    [("gpt2", None, 4), ("gpt2", None, 24), ("llama", "static", 24), ("t5", None, 24), ("mamba", None, 24)],
)
def test_an_estimate_of_a_generation_follows_its_ends(model_type, cache, new_tokens):
    settings = Settings(new_tokens=new_tokens, cache_implementation=cache)
    spec = ModelSpec(model_type, tiny(model_type, None, vocab_size=2000), "test")
    found = estimated("generation", spec, settings)
    assert found.succeeded, found.failure
    assert found.memory.working_bytes == pytest.approx(
        really_needed("generation", spec, settings, BATCH, LENGTH), rel=0.03
    )
    phases = [found.memory.phase_peak_bytes[phase] for phase in ("prefill", "decode")]
    assert max(phases) == found.memory.peak_bytes
    if model_type == "gpt2":
        config, tokens = spec.config, LENGTH + new_tokens - 1  # the last token is not read
        expected_bytes = 2 * config["n_layer"] * BATCH * config["n_embd"] * tokens * 4
        assert found.metrics["kv_cache_mb"] * MEGABYTE == expected_bytes


def test_fake_tensors_take_no_memory_and_count_what_exists():
    fakes = FakeTensors()
    with fakes:
        big = torch.empty(1 << 40)
        view = big.view(1 << 20, -1)
        assert fakes.live_bytes == 4 << 40
        del big
        assert fakes.live_bytes == 4 << 40
        del view
        assert (fakes.live_bytes, fakes.peak_bytes) == (0, 4 << 40)


def test_contents_are_known_where_nothing_random_is_involved():
    with FakeTensors() as fakes:
        mask = torch.ones(2, 3)
        assert bool((mask == 1).all())
        mask[0, 1] = 0
        assert mask.nonzero().shape == (5, 2)
        (ids,) = fakes.adopt([torch.tensor([3, 1, 2])])
        assert ids.tolist() == [3, 1, 2]
        hidden = torch.randn(3, 80)
        assert hidden[ids > 1].shape == (2, 80)
        assert hidden.argmax(-1).tolist() == [0, 1, 2]  # every index in turn
        assert torch.topk(hidden, 2).indices.tolist() == [[0, 1], [2, 3], [4, 5]]
        for read in (lambda: hidden.sum().item(), lambda: hidden[hidden > 0], lambda: (hidden > 0).nonzero()):
            with pytest.raises(UnknownContentsError):
                read()


def test_numbers_that_are_everywhere_the_same_are_known_however_many():
    with FakeTensors() as fakes:
        mask = torch.ones(1 << 12, 1 << 14)
        assert bool((mask[:, None, None, :] == 1).all())
        hidden = torch.cat([torch.full_like(mask, 2.0), mask + 1]).masked_fill(mask[:1] > 3, -1.0)
        assert hidden[5, [0, -1]].tolist() == [2, 2]
        assert not (hidden == 3).any(-1).any()
        with pytest.raises(UnknownContentsError):
            torch.cat([hidden, mask]).all().item()
        (ids,) = fakes.adopt([torch.arange(1 << 21).view(-1, 2)])
        assert torch.cat([ids, ids[:, -1:]], dim=1)[-1].tolist() == [(1 << 21) - 2, (1 << 21) - 1, (1 << 21) - 1]
        hidden.mul_(2)
        with pytest.raises(UnknownContentsError):  # written to, and too many to be computed
            hidden.sum().item()


def test_a_model_that_reads_values_of_a_pass_is_a_row_with_the_reason():
    spec = ModelSpec("bert", tiny("bert"), "test")

    class Reads(EstimatingRuntime):
        def inference_call(self, model, inputs):
            call = super().inference_call(model, inputs)
            return lambda: call()[0].sum().item()

    method = Method(speed=False)
    found = measuring.measure(
        lambda: Reads(Settings(), method), workload_of("inference", spec, Settings()), method, lambda *_: None
    )
    assert found.status == "error"
    assert "cannot be estimated: it reads values that only a real pass computes" in found.failure.message
    assert isinstance(torch.ones(2), torch.Tensor)
    assert torch.ones(2).sum().item() == 2  # nothing is faked any more
    traced = estimated("inference", replace(spec), Settings(torchscript=True))
    assert "torchscript=False estimates the same model" in traced.failure.message


@pytest.mark.parametrize("model_type", ["bert", "gpt2", "llama", "bart"])
def test_a_gpu_keeps_no_scores_of_attention_for_the_backward_pass(model_type):
    dropout = {"attention_probs_dropout_prob": 0.1} if model_type == "bert" else {}
    spec, length = ModelSpec(model_type, tiny(model_type, None, **dropout), "test"), 64
    peaks = {}
    for device in ("cpu", "cuda"):
        found = estimated("training", spec, Settings(device=device), sizes=(BATCH, length))
        assert found.succeeded, found.failure
        peaks[device] = found.memory.peak_bytes
    assert peaks["cuda"] <= 1.05 * peaks["cpu"]  # masks are kept as numbers, and the state of random numbers
    if model_type == "bert":  # with dropout, a CPU keeps scores, weights and what dropout left of them
        scores_bytes = BATCH * 2 * length * length * 4
        assert peaks["cpu"] - peaks["cuda"] > 2 * scores_bytes
