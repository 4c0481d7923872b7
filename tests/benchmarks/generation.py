"""Generation against a loop written by hand, a bare `generate`, and optimum-benchmark."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from launching import run_program
from peers import OPTIMUM
from report import Row
from settings import settings_of

# Real widths, cut in depth and vocabulary where a call would take too long.
MODELS = {
    "GPT-2": "openai-community/gpt2",
    "Llama (4 layers)": "meta-llama/Llama-3.2-1B:num_hidden_layers=4,vocab_size=32000",
    "Qwen3 (4 layers)": "Qwen/Qwen3-0.6B:num_hidden_layers=4,vocab_size=32000",
    "T5": "google-t5/t5-small",
}
SIZES: dict[str, Any] = {"batch_size": 1, "length": 64, "new_tokens": 8}
# HFBENCH_FAST=1 tries the section: a few calls.
FAST = os.environ.get("HFBENCH_FAST") == "1"
SECONDS = 5.0 if FAST else 60.0
_LIMIT = "0.97 to 1.03"


def generation() -> Iterator[Row]:
    """Compare the ways of generating, model by model."""
    by_hand = {}
    for title, name in MODELS.items():
        found = run_program("generation_loops", {**SIZES, "model": name, "seconds": SECONDS, "threads": 1}).answer()
        sizes = f"prompt {SIZES['length']}, {SIZES['new_tokens']} new tokens, {found['calls']} calls each in turn"
        for what, (ratio, low, high) in found["ratios"].items():
            metric, other = what.split(" / ")
            ours_s, theirs_s = (found["found"][way][metric] for way in ("ours", other))
            measured = f"{ratio:.3f}, {low:.3f} to {high:.3f} ({1000 * ours_s:.2f} ms / {1000 * theirs_s:.2f} ms)"
            yield f"{title}, {metric} against {other}: {sizes}", measured, _LIMIT
        yield f"{title}, the tokens of all three are the same", str(found["same tokens"]), "True"
        by_hand[title] = found["found"]["by hand"]
    yield from _beside_optimum(by_hand)


def _beside(value: float, true: float | None) -> str:
    return f"{value:.4g}" + ("" if true is None else f" ({value / true:.2f} of the loop by hand)")


def _beside_optimum(by_hand: dict[str, dict[str, float]]) -> Iterator[Row]:
    """Measure the same cases with both tools: figures side by side, and the time to the result."""
    request = {**SIZES, "models": MODELS, "options": {"duration": 1.0} if FAST else {}}
    start_s = time.monotonic()
    by_default = run_program("generation_ours", {**request, "started_s": start_s}).answer()
    ours, ours_s = by_default["cases"], time.monotonic() - start_s
    start_s = time.monotonic()
    run_program("generation_ours", {**request, "started_s": start_s, "arguments": {"rounds": 1}}).answer()
    one_round_s = time.monotonic() - start_s
    configurations = {title: settings_of(name) for title, name in MODELS.items()}
    outcome = run_program("optimum_generation", {**request, "configurations": configurations}, OPTIMUM.python())
    if outcome.found is None:
        yield f"{OPTIMUM.name}", outcome.why, "figures of the same cases"
        return
    for mine, theirs in zip(ours, outcome.found["cases"], strict=True):
        for what in ("ttft_s", "tpot_s", "memory_mb"):
            true = by_hand[theirs["model"]].get(what)
            texts = [_beside(case[what], true) if what in case else case["error"] for case in (mine, theirs)]
            yield f"{theirs['model']}, {what}: ours, {OPTIMUM.name}", " and ".join(texts), "reported"
    theirs_s = outcome.found["measuring_s"]
    for what, took_s in (
        ("by default", ours_s),
        ("by default, once each case has a row, which later rounds refine", by_default["seen_s"]),
        ("rounds=1, one process per case as there", one_round_s),
    ):
        yield (
            f"time to the result of {len(ours)} cases, {OPTIMUM.name} / ours {what}, imports included",
            f"{theirs_s:.0f} s / {took_s:.0f} s = {theirs_s / took_s:.1f}",
            "at least 10",
        )
