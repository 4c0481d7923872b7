"""What the caller must not change, and what a user's own script would read."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from launching import run_program
from report import Row

_HOLDS_MEMORY = """
import numpy as np, torch
held = np.ones((1 << 31) // 8)
for _ in range(5):
    torch.ones(2000, 2000) @ torch.ones(2000, 2000)
"""
_CASE = """
import json, sys
from transformers import BertConfig
from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
args = PyTorchBenchmarkArguments(models=["bert"], **json.loads(sys.argv[1]))
row = PyTorchBenchmark(args, configs=[BertConfig(num_hidden_layers=6)]).run().frame.iloc[0]
print(row["memory_mb"], row["time_s"])
"""


def metrics_from(state: str, batch: int, length: int, **given: Any) -> tuple[float, float]:
    """Measure a case from a caller that ran some code first; return the memory, MB, and the time, seconds."""
    request = {"batch_sizes": [batch], "sequence_lengths": [length], **given}
    command = [sys.executable, "-c", state + _CASE, json.dumps(request)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    memory_mb, time_s = map(float, done.stdout.split())
    return memory_mb, time_s


def influence_of_the_caller(rounds: int = 3) -> Iterator[Row]:
    """Measure the same case from a fresh process and from one with 2 GiB of NumPy and torch's threads used, in turns.

    A case of little working memory: what PyTorch takes and gives back lies otherwise in the heap of each process, which
    moves the peak of large passes by some percent from run to run, whoever calls.
    """
    states = {"fresh": "", "loaded": _HOLDS_MEMORY}
    found: dict[str, list[float]] = {state: [] for state in states}
    for _ in range(rounds):
        for state, code in states.items():
            found[state].append(metrics_from(code, 1, 32, speed=False)[0])
    fresh, loaded = (statistics.median(figures) for figures in found.values())
    spread = [f"{min(figures):.1f} to {max(figures):.1f}" for figures in found.values()]
    yield (
        f"memory from a fresh caller and from one that holds 2 GiB, medians of {rounds}",
        f"{fresh:.1f} MB ({spread[0]}) and {loaded:.1f} MB ({spread[1]}): {100 * abs(loaded / fresh - 1):.2f} %",
        "at most 0.5 %",
    )


def against_a_bare_script() -> Iterator[Row]:
    """Compare a case with what a plain script of the user's own would measure, in turns."""
    time_ratios, memory_ratios = [], []
    models = {"bert-2-lay": {"num_hidden_layers": 2}}
    for _ in range(3):
        bare = run_program("bare", {"models": models, "batch_size": 8, "length": 128, "seconds": 2.0}).answer()
        (ours,) = run_program("ours", {"models": models, "batch_size": 8, "lengths": [128]}).answer()["cases"]
        time_ratios.append(ours["time_s"] / bare["time_s"])
        memory_ratios.append(ours["memory_mb"] / bare["memory_mb"])
    yield "time against a bare script", f"{statistics.median(time_ratios):.3f}", "near 1"
    yield "peak memory against a bare script", f"{statistics.median(memory_ratios):.3f}", "near 1"


def caller() -> Iterator[Row]:
    """Run both."""
    yield from influence_of_the_caller()
    yield from against_a_bare_script()
