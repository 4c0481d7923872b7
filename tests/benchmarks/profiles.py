"""Profiles: their shares against parts that were timed without a trace, and what else they change."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from typing import Any

from launching import run_program
from report import Row

from hfbench_nb import BenchmarkResults, PyTorchBenchmark, PyTorchBenchmarkArguments
from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.protocol.round_stats import paired_ratio

# HFBENCH_FAST=1 tries the section: small models, a few pairs.
FAST = os.environ.get("HFBENCH_FAST") == "1"
SIZES: dict[str, Any] = {"batch_size": 4, "length": 128}
_SMALL = ":num_hidden_layers=2,vocab_size=4000" if FAST else ""
_NORM = r".*(LayerNorm|ln_\w+)"
# What the parts of these two are called: what the profile must find out by itself.
MODELS: dict[str, dict[str, Any]] = {
    "BERT-base": {
        "name": f"google-bert/bert-base-uncased{_SMALL}",
        "parts": {
            "norms": _NORM,
            "embeddings": r"bert\.embeddings",
            "attention": r".*\.layer\.\d+\.attention",
            "feed-forward": r".*\.layer\.\d+\.(intermediate|output)",
            "head": "cls",
        },
    },
    "GPT-2": {
        "name": f"openai-community/gpt2{_SMALL}",
        "parts": {
            "norms": _NORM,
            "embeddings": r".*\.(wte|wpe)",
            "attention": r".*\.attn",
            "feed-forward": r".*\.mlp",
            "head": "lm_head",
        },
    },
}
CALLS, PAIRS, STEPS = (3, 2, 2) if FAST else (15, 12, 7)
# Of a part that takes less, the share of its share within which two calls agree is larger than 10 %.
_LEAST_SHARE = 0.05


def profiles() -> Iterator[Row]:
    """Run all parts."""
    for title, model in MODELS.items():
        yield from _against_timed_parts(title, model)
        yield from _optimizer(title, model)
    for title, model in MODELS.items():
        yield from _with_and_without(title, model)


def _run(name: str, **given: Any) -> BenchmarkResults:
    arguments = PyTorchBenchmarkArguments(
        models=name, batch_sizes=SIZES["batch_size"], sequence_lengths=SIZES["length"], threads=1, rounds=1, **given
    )
    return PyTorchBenchmark(arguments).run()


def _against_timed_parts(title: str, model: dict[str, Any]) -> Iterator[Row]:
    asked = {"config": find_model(model["name"]).config, "parts": model["parts"], "calls": CALLS, **SIZES}
    timed = run_program("modules_timed", asked).answer()
    whole_s = sum(timed.values())
    results = _run(model["name"], profile=True, memory=False)
    (view,) = results.profiles
    shares = view.modules.set_index("group")["share"].to_dict()
    untraced_s = results.frame["time_s"].item()
    told = f"{sum(shares.values()):.6f}; traced {view.profile.traced_s:.4g} s, untraced {untraced_s:.4g} s"
    yield f"{title}: groups / the traced call", told, "1"
    for group, spent_s in timed.items():
        share = spent_s / whole_s
        told = f"{shares[group]:.4f} / {share:.4f} = {shares[group] / share:.3f}"
        wanted = "0.9 to 1.1" if share >= _LEAST_SHARE else "reported"
        yield f"{title}, {group}: share in the profile / timed without a trace, by name", told, wanted


def _optimizer(title: str, model: dict[str, Any]) -> Iterator[Row]:
    """Compare with the phase of the step that is timed without a trace: of one step each, so in several processes."""
    given: dict[str, Any] = {"memory": False, "inference": False, "training": True, "optimizer": "adamw"}
    traced, timed = [], []
    for _ in range(STEPS):
        results = _run(model["name"], profile=True, **given)
        traced.append(results.profiles[0].modules.set_index("group")["share"]["optimizer"])
        timed.append((results.frame["optimizer_s"] / results.frame["time_s"]).item())
    ratio = statistics.median(traced) / statistics.median(timed)
    told = f"{statistics.median(traced):.4f} / {statistics.median(timed):.4f} = {ratio:.3f}; "
    told += f"{min(traced):.4f} to {max(traced):.4f} / {min(timed):.4f} to {max(timed):.4f}"
    yield f"{title}, training: share of the optimizer in {STEPS} profiles / of its phase", told, "0.9 to 1.1"


def _with_and_without(title: str, model: dict[str, Any]) -> Iterator[Row]:
    """Measure in pairs, in an order that alternates, each in a process of its own."""
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for i in range(PAIRS):
        for profile in (i % 2 == 0, i % 2 == 1):
            frame = _run(f"{model['name'].partition(':')[0]}:num_hidden_layers=2", profile=profile).frame
            found[profile].append((frame["time_s"].item(), frame["memory_mb"].item()))
    for i, name in enumerate(("time", "memory")):
        with_it, without = ([pair[i] for pair in found[profile]] for profile in (True, False))
        ratio = paired_ratio(with_it, without)
        each = [a / b for a, b in zip(with_it, without, strict=True)]
        told = f"{ratio.value:.4f} [{ratio.low:.4f}, {ratio.high:.4f}]; pairs {min(each):.3f} to {max(each):.3f}; "
        told += f"median {statistics.median(without):.4g}"
        yield f"{title}, 2 layers: {name} with a profile / without, {PAIRS} pairs", told, "1 within the interval"
