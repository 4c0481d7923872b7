"""What calls compute and move: against closed formulas."""

from __future__ import annotations

import pytest
import torch
from support.models import short, tiny_bert, tiny_gpt2, tiny_t5

from hfbench_nb import PyTorchBenchmark, measure

pytestmark = [pytest.mark.measures]

LENGTH, BATCH = 16, 2


def counted(config, **given):
    results = PyTorchBenchmark(
        short(batch_sizes=[BATCH], sequence_lengths=[LENGTH], memory=False, **given), configs=[config]
    ).run()
    ((_, measurement),) = results.entries
    assert measurement.status == "ok", measurement.failure
    assert "no_flops" not in measurement.details
    return results.frame.iloc[0], measurement


def encoder_flops(config, length=LENGTH, batch=BATCH):
    """Return what J. Kaplan et al. (2020, arXiv:2001.08361, table 1) count, and attention over all pairs."""
    width, inner = config.hidden_size, config.intermediate_size
    projections = 4 * width * width + 2 * width * inner
    return batch * config.num_hidden_layers * (2 * length * projections + 4 * length * length * width)


def test_the_operations_of_an_encoder_are_those_of_the_closed_formula():
    config = tiny_bert(architectures=["BertModel"])
    row, measurement = counted(config)
    pooler = 2 * BATCH * config.hidden_size**2
    assert row["flops"] == encoder_flops(config) + pooler
    assert row["gflops_per_s"] == pytest.approx(row["flops"] / row["time_s"] / 1e9)
    assert 0 < row["utilization"] <= 1.02
    # All weights are read but most rows of the embeddings, at least once by the operations.
    weights_mb = 4 * measurement.model_facts.parameters / 2**20
    assert 0 < measurement.metrics["parameters_read_mb"] < weights_mb < measurement.metrics["moved_mb"]


def test_a_backward_pass_computes_twice_as_much():
    config = tiny_bert(architectures=["BertModel"], hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    forward = counted(config, attn_implementation="eager")[0]["flops"]
    whole = counted(config, attn_implementation="eager", inference=False, training=True)[0]["flops"]
    # The first layer's inputs need no gradients only where they are no result of embeddings, which are trained.
    assert whole == pytest.approx(3 * forward, rel=0.01)


def test_fused_attention_counts_like_separate_products():
    config = tiny_gpt2()
    fused, apart = (counted(config, attn_implementation=name)[0]["flops"] for name in ("sdpa", "eager"))
    assert fused == apart


def test_a_mixture_of_experts_computes_what_its_tokens_are_routed_to():
    from transformers import MixtralConfig

    config = MixtralConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        vocab_size=100, num_local_experts=4, num_experts_per_tok=2, head_dim=16, max_position_embeddings=64,
        architectures=["MixtralForCausalLM"],
    )  # fmt: skip
    tokens = BATCH * LENGTH
    attention = 2 * tokens * (2 * 32 * 32 + 2 * 32 * 16) + 4 * BATCH * LENGTH * LENGTH * 32
    experts = 2 * tokens * 2 * 3 * 32 * 48
    router = 2 * tokens * 32 * 4
    head = 2 * tokens * 32 * 100
    row, _ = counted(config)
    assert row["flops"] == pytest.approx(2 * (attention + experts + router) + head, rel=0.001)


def test_a_generation_counts_each_token_and_what_it_must_read():
    config = tiny_gpt2()
    row, measurement = counted(config, inference=False, generation=True, new_tokens=4)
    width, tokens = config.n_embd, LENGTH + 3  # the last token is not read
    layers = config.n_layer * 2 * tokens * (4 * width * width + 2 * width * 4 * width)
    heads = 2 * width * config.vocab_size * 4  # of the last token of the prompt, and of each new one
    pairs = LENGTH * LENGTH + sum(range(LENGTH + 1, LENGTH + 4))
    assert row["flops"] == pytest.approx(BATCH * (layers + heads + config.n_layer * 4 * pairs * width), rel=0.002)
    token_mb = measurement.metrics["token_parameters_mb"]
    assert token_mb == pytest.approx(4 * (measurement.model_facts.parameters - 64 * width) / 2**20, rel=0.02)
    assert row["bandwidth_utilization"] > 0


def test_what_is_profiled_after_counting_is_the_generation_that_was_measured():
    _, measurement = counted(tiny_gpt2(), inference=False, generation=True, new_tokens=30, profile=True)
    assert measurement.profile.note.startswith("8 of 30 new tokens were traced")


def test_an_encoder_decoder_generates_and_is_counted():
    row, _ = counted(tiny_t5(), inference=False, generation=True, new_tokens=4)
    assert row["flops"] > 0


def test_a_static_cache_is_counted_with_room_for_all_tokens():
    config = tiny_gpt2()
    given = {"inference": False, "generation": True, "cache_implementation": "static"}
    few, many = (counted(config, new_tokens=number, **given)[0] for number in (4, 30))
    heads = 2 * config.n_embd * config.vocab_size
    layers = config.n_layer * (24 * config.n_embd**2 + 4 * (LENGTH + 30) * config.n_embd)
    assert many["flops"] == pytest.approx(BATCH * (30 * heads + (LENGTH + 29) * layers), rel=0.05)
    assert few["flops"] < many["flops"]


def test_functions_have_no_count():
    frame = measure(lambda: torch.ones(8, 8) @ torch.ones(8, 8), framework="pytorch", memory=False).frame
    assert frame["status"][0] == "ok"
    assert not {"flops", "utilization"} & set(frame)
