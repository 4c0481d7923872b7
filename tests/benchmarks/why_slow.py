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
PLAIN = {"dtype": "float32", "compile": "none", "quantization": "none", "attn_implementation": "sdpa"}
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
        request = {"arguments": arguments, "plain": PLAIN, "ways": WAYS, "folder": str(folder)}
        for case in run_program("why_ours", request, timeout_s=7200).answer()["cases"]:
            yield f"{case['label']}, {case['length']}", _measured(case), case.get("why", "")
        shutil.rmtree(folder)


def _measured(case: dict[str, Any]) -> str:
    if case["status"] != "ok":
        return f"{case['status']}: {case['error']}"
    compiled = "" if case["compile_s"] is None else f"; compiled in {case['compile_s']:.0f} s"
    told = f"{1000 * case['time_s']:.1f} ms{compiled}; {case['kernel']}"
    if "ratio" not in case:
        return told
    verdict = "cannot be told" if not case["differs"] else "slower" if case["ratio"] > 1 else "faster"
    return f"{told}; {case['ratio']:.2f} [{case['low']:.2f}, {case['high']:.2f}] of the plain one: {verdict}"
