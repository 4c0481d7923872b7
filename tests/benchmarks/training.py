"""Training: all settings of a step, against a plain loop, what checkpointing saves, and optimum-benchmark."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterator
from typing import Any

from launching import run_program
from peers import OPTIMUM
from report import Row
from settings import settings_of

MODELS = {"BERT-base": "google-bert/bert-base-uncased", "GPT-2": "openai-community/gpt2"}
SIZES: dict[str, Any] = {"batch_size": 4, "length": 128}
OPTIMIZERS = ["none", "sgd", "adamw", "adamw_fused", "adafactor"]
# HFBENCH_FAST=1 tries the section: small models, a few calls.
FAST = os.environ.get("HFBENCH_FAST") == "1"
if FAST:
    MODELS = {title: f"{name}:num_hidden_layers=2,vocab_size=2000" for title, name in MODELS.items()}
SECONDS = 3.0 if FAST else 120.0
ONCE: dict[str, Any] = {"rounds": 1, **({"max_seconds": 0.2} if FAST else {})}
# optimum-benchmark makes 140 steps by default, half an hour for these cases; its figures are those of its last steps.
THEIR_STEPS = 20
_PARTS = ("baseline_mb", "weights_mb", "gradients_mb", "optimizer_mb", "activations_mb")
_PHASES = ("forward_s", "backward_s", "optimizer_s")


def training() -> Iterator[Row]:
    """Run all parts."""
    yield from _every_setting()
    yield from _against_a_plain_loop()
    yield from _what_checkpointing_saves()
    yield from _beside_optimum()


def _measure(lengths: list[int], **arguments: Any) -> list[dict[str, Any]]:
    request = {"models": MODELS, "batch_size": SIZES["batch_size"], "lengths": lengths}
    answer = run_program("training_ours", {**request, "arguments": {**ONCE, **arguments}}, timeout_s=7200).answer()
    cases: list[dict[str, Any]] = answer["cases"]
    return cases


def _describe(case: dict[str, Any]) -> str:
    if case["status"] != "ok":
        return str(case["error"])
    parts = " + ".join(f"{case[name]:,.0f}" for name in _PARTS)
    phases = " + ".join(f"{case[name]:.3g}" for name in _PHASES)
    note = f"; {case['note']}" if case["note"] else ""
    return f"{case['memory_mb']:,.0f} MB = {parts}; {case['time_s']:.3g} s = {phases}{note}"


def _every_setting() -> Iterator[Row]:
    """Measure every combination, and LoRA where PEFT is there; memory is baseline, weights, gradients, state, rest."""
    cases = _measure(
        [SIZES["length"]], optimizer=OPTIMIZERS, gradient_checkpointing=[False, True], autocast=["none", "bfloat16"]
    )
    if importlib.util.find_spec("peft"):
        cases += _measure([SIZES["length"]], optimizer="adamw", lora_rank=8)
    for case in cases:
        trained_mb = 4 * case["trained"] / 2**20
        shares = "no value"
        if trained_mb and case["status"] == "ok":
            sums = [sum(case[name] for name in _PARTS) / case["memory_mb"]]
            sums.append(sum(case[name] for name in _PHASES) / case["time_s"])
            shares = f"{case['gradients_mb'] / trained_mb:.4f}, {case['optimizer_mb'] / trained_mb:.4f}; "
            shares += ", ".join(f"{share:.3f}" for share in sums)
        wanted = "1, AdamW's state 2; 1, 0.98 to 1.02"
        yield case["label"], _describe(case), f"gradients and state / trained weights; sums: {shares} ({wanted})"


def _against_a_plain_loop() -> Iterator[Row]:
    """Compare time by pairs in one process, and memory with that of a script of one's own."""
    for title, name in MODELS.items():
        found = run_program(
            "training_loops",
            {**SIZES, "model": name, "seconds": SECONDS, "threads": 1, "settings": {"optimizer": "adamw"}},
        ).answer()
        ratio, low, high = found["ratio"]
        times = " / ".join(f"{time_s:.4g} s" for time_s in found["found_s"].values())
        measured = f"{ratio:.4f}, {low:.4f} to {high:.4f} ({times}); phases add up to {found['sum of the phases']:.5f}"
        yield f"{title}, AdamW: a step against a plain loop, {found['calls']} pairs", measured, "0.98 to 1.02"
    # Memory alone, of a step by AdamW.
    ours = {case["model"]: case for case in _measure([SIZES["length"]], optimizer="adamw", speed=False)}
    for title, name in MODELS.items():
        case = ours[name]
        mine_mb = [case["memory_mb"], case["memory_mb"] - case["baseline_mb"]]
        for settled, wanted in ((True, "0.98 to 1.02"), (False, "reported: its heap keeps freed blocks")):
            bare = run_program("training_bare", {**SIZES, "config": settings_of(name), "settled": settled}).answer()
            bare_mb = [bare["memory_mb"], bare["memory_mb"] - bare["before_mb"]]
            shares = ", ".join(f"{mine / its:.3f}" for mine, its in zip(mine_mb, bare_mb, strict=True))
            kind = "whose heap is settled" if settled else "as it is"
            what = f"{title}, AdamW: peak against a script {kind}; above what was there before the model"
            yield what, f"{shares} ({mine_mb[0]:,.0f} / {bare_mb[0]:,.0f} MB)", wanted


def _what_checkpointing_saves() -> Iterator[Row]:
    """Measure memory with and without, where activations are much and where they are little."""
    lengths = [8, 128 if FAST else 512]
    cases = _measure(lengths, optimizer="adamw", gradient_checkpointing=[False, True], speed=False)
    found = {
        (case["model"], case["sequence_length"], case["settings"]["gradient_checkpointing"]): case for case in cases
    }
    for title, name in MODELS.items():
        for length in lengths:
            without, with_it = (found[name, length, flag] for flag in (False, True))
            saved = 1 - with_it["memory_mb"] / without["memory_mb"]
            measured = f"{without['memory_mb']:,.0f} to {with_it['memory_mb']:,.0f} MB: {100 * saved:.1f} % less"
            wanted = "none, and a note says so" if length == lengths[0] else "some, and no note"
            yield f"{title}, checkpointing at length {length}", f"{measured}; note: {with_it['note'] or 'none'}", wanted


def _beside_optimum() -> Iterator[Row]:
    """Measure the same cases with both tools: figures side by side, and the time to the result."""
    start = time.perf_counter()
    ours = {case["model"]: case for case in _measure([SIZES["length"]], optimizer="adamw", rounds=6)}
    ours_s = time.perf_counter() - start
    request = {**SIZES, "options": {"max_steps": 6 if FAST else THEIR_STEPS, "warmup_steps": 2 if FAST else 5}}
    configurations = {title: settings_of(name) for title, name in MODELS.items()}
    outcome = run_program(
        "optimum_training", {**request, "configurations": configurations}, OPTIMUM.python(), timeout_s=7200
    )
    if outcome.found is None:
        yield OPTIMUM.name, outcome.why, "figures of the same cases"
        return
    for theirs in outcome.found["cases"]:
        mine = ours[MODELS[theirs["model"]]]
        for what in ("time_s", "samples_per_s", "memory_mb"):
            texts = [f"{case[what]:.4g}" if what in case else case["error"] for case in (mine, theirs)]
            yield f"{theirs['model']}, AdamW, {what}: ours, {OPTIMUM.name}", " and ".join(texts), "reported"
    theirs_s = outcome.found["measuring_s"]
    ratio = f"{theirs_s:.0f} s / {ours_s:.0f} s = {theirs_s / ours_s:.1f}"
    what = f"time to {THEIR_STEPS} of its 140 steps for {len(ours)} cases, {OPTIMUM.name} / the result by ours"
    yield f"{what}, our start of Python included", ratio, "reported"
