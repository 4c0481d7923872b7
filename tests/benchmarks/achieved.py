"""What models compute, against published and closed formulas, and the share of the machine's peak over a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from launching import run_program
from report import Row

from hfbench_nb.configurations.lookup import find_model

# The matrix products of a forward pass: 2 N per token, N the weights of its layers and its head that a token meets, and
# 4 x layers x length x width for attention to all tokens (A. Chowdhery et al., PaLM, arXiv:2204.02311, appendix B).
_PALM = "PaLM, appendix B"
BATCH, LENGTH = 2, 128
MODELS = {
    "google-bert/bert-base-uncased": _PALM,
    "openai-community/gpt2": _PALM,
    "meta-llama/Llama-3.2-1B": _PALM,
    "Qwen/Qwen3-30B-A3B:num_hidden_layers=2": _PALM,
    "google/vit-base-patch16-224": "torchvision, ViT_B_16_Weights: 17.56 G multiplications",
}
SWEEP: dict[str, Any] = {
    "models": ["google-bert/bert-base-uncased", "openai-community/gpt2:num_hidden_layers=4", "google-t5/t5-small"],
    "batch_sizes": [1, 8],
    "sequence_lengths": [8, 128, 512],
    "dtype": ["float32", "bfloat16"],
    "threads": [1, 2],
}


def achieved() -> Iterator[Row]:
    """Count, and compare."""
    for name, source in MODELS.items():
        request = {"models": [name], "batch_sizes": [BATCH], "sequence_lengths": [LENGTH]}
        (case,) = run_program("achieved_ours", request).answer()["cases"]
        known = 2 * 17.56e9 * BATCH if "vit" in name else _products(find_model(name).config)
        ratio = case["flops"] / known
        cost = f"counted in {case['count_s']:.2f} s, a pass takes {case['time_s']:.2f} s"
        measured = f"{case['flops'] / 1e9:,.2f} / {known / 1e9:,.2f} GFLOP = {ratio:.4f}; {cost}"
        yield f"{name}, {BATCH} x {LENGTH}: counted against the formula ({source})", measured, "0.98 to 1.02"
    answer = run_program("achieved_ours", SWEEP, timeout_s=3000).answer()
    cases = [case for case in answer["cases"] if case["utilization"] is not None]
    largest = max(cases, key=lambda case: case["utilization"])
    shares = sorted(case["utilization"] for case in cases)
    measured = (
        f"{shares[0]:.3f} to {shares[-1]:.3f} ({largest['label']}, {largest['batch_size']} x {largest['length']})"
    )
    yield f"share of the machine's peak, {len(cases)} cases of {len(answer['cases'])}", measured, "at most 1.02"
    for peaks in answer["peaks"]:
        what = f"peaks, {peaks['dtype']}, {peaks['threads']} threads: best (median)"
        measured = (
            f"{peaks['gflops_per_s']:.0f} ({peaks['gflops_per_s_median']:.0f}) GFLOP/s, "
            f"{peaks['gb_per_s']:.1f} ({peaks['gb_per_s_median']:.1f}) GB/s"
        )
        yield what, measured, "reported"


def _products(config: dict[str, Any]) -> float:
    """Return the operations of the matrix products of a forward pass by the formula."""
    width = config.get("hidden_size") or config["n_embd"]
    layers = config.get("num_hidden_layers") or config["n_layer"]
    heads = config.get("num_attention_heads") or config["n_head"]
    head = config.get("head_dim") or width // heads
    kv_heads = config.get("num_key_value_heads") or heads
    inner = config.get("moe_intermediate_size") or config.get("intermediate_size") or 4 * width
    experts = config.get("num_experts_per_tok") or 1
    gated = 3 if config.get("hidden_act") == "silu" else 2
    of_layer = 2 * width * heads * head + 2 * width * kv_heads * head + experts * gated * width * inner
    router = width * config.get("num_experts", 0)
    # BERT's head has a layer of its own before the vocabulary.
    head_weights = width * config["vocab_size"] + (width * width if config["model_type"] == "bert" else 0)
    of_token = 2 * (layers * (of_layer + router) + head_weights) + 4 * layers * LENGTH * heads * head
    return float(BATCH * LENGTH * of_token)
