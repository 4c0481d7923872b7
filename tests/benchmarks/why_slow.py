"""Data type, compiling, quantization and attention on a CPU: what is faster, and why something is slower."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from launching import run_program
from report import Row

MODELS = ["google-bert/bert-base-uncased", "HuggingFaceTB/SmolLM2-135M"]
_SIMPLEST = {"compile": "none", "quantization": "none", "attn_implementation": "sdpa"}
# What each way is compared with.
PARTNERS = {"float32, plain": {"dtype": "float32", **_SIMPLEST}, "the same data type, plain": _SIMPLEST}
WAYS: dict[str, list[str]] = {
    "dtype": ["float32", "bfloat16"],
    "compile": ["none", "default"],
    "quantization": ["none", "int8_dynamic", "int8_weight_only"],
    "attn_implementation": ["sdpa", "eager"],
}
LENGTHS = [32, 128]
# In a folder of its own, which `make .torchao/.installed` fills: Transformers imports it into every worker.
TORCHAO = Path(__file__).resolve().parents[2] / ".torchao"
BENCH = TORCHAO.with_name(".bench")
# HFBENCH_FAST=1 tries the section: few layers.
FAST = os.environ.get("HFBENCH_FAST") == "1"
if FAST:
    MODELS = [f"{name}:num_hidden_layers=2,vocab_size=2000" for name in MODELS]


def why_slow() -> Iterator[Row]:
    """Measure every way of running two models, model by model."""
    for model in MODELS:
        arguments: dict[str, Any] = {
            "models": [model], "batch_sizes": [1], "sequence_lengths": LENGTHS, "memory": False,
            "overlay": str(TORCHAO),
        }  # fmt: skip
        # What a section that was interrupted has measured is not measured again.
        folder = BENCH / f"why-{model.rpartition('/')[2].partition(':')[0]}{'-fast' if FAST else ''}"
        request = {"arguments": arguments, "partners": PARTNERS, "ways": WAYS, "folder": str(folder)}
        for case in run_program("why_ours", request, timeout_s=7200).answer()["cases"]:
            whys = dict.fromkeys(found["why"] for found in case["compared"].values() if "why" in found)
            yield f"{case['label']}, {case['length']}", _measured(case), "; or: ".join(whys)
        shutil.rmtree(folder)


def _measured(case: dict[str, Any]) -> str:
    if case["status"] != "ok":
        return f"{case['status']}: {case['error']}"
    compiled = "" if case["compile_s"] is None else f"; compiled in {case['compile_s']:.0f} s"
    told = [f"{1000 * case['time_s']:.1f} ms{compiled}; {case['kernel']}"]
    for partner, found in case["compared"].items():
        verdict = "cannot be told" if not found["differs"] else "slower" if found["ratio"] > 1 else "faster"
        told.append(f"{found['ratio']:.2f} [{found['low']:.2f}, {found['high']:.2f}] of {partner}: {verdict}")
    return "; ".join(told)
