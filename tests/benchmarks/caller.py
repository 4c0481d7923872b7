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
_CELL = """
import json, sys
from transformers import BertConfig
from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
args = PyTorchBenchmarkArguments(models=["bert"], batch_sizes=[8], sequence_lengths=[128], **json.loads(sys.argv[1]))
row = PyTorchBenchmark(args, configs=[BertConfig(num_hidden_layers=6)]).run().frame.iloc[0]
print(row["memory_mb"], row["time_s"])
"""


def figures_from(state: str, **given: Any) -> tuple[float, float]:
    """Measure a cell from a caller that ran some code first; give the memory, MB, and the time, seconds."""
    command = [sys.executable, "-c", state + _CELL, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    memory_mb, time_s = map(float, done.stdout.split())
    return memory_mb, time_s


def influence_of_the_caller() -> Iterator[Row]:
    """Measure the same cell from a fresh process and from one with 2 GiB of NumPy and torch's threads used."""
    fresh, loaded = (figures_from(state, speed=False)[0] for state in ("", _HOLDS_MEMORY))
    difference = abs(loaded / fresh - 1)
    yield (
        "memory from a fresh caller and from one that holds 2 GiB",
        f"{fresh:.1f} MB and {loaded:.1f} MB: {100 * difference:.2f} %",
        "at most 0.5 %",
    )


def against_a_bare_script() -> Iterator[Row]:
    """Compare a cell with what a plain script of the user's own would measure, in turns."""
    time_ratios, memory_ratios = [], []
    models = {"bert-2-lay": {"num_hidden_layers": 2}}
    for _ in range(3):
        bare = run_program("bare", {"models": models, "batch_size": 8, "length": 128, "seconds": 2.0}).answer()
        (ours,) = run_program("ours", {"models": models, "batch_size": 8, "lengths": [128]}).answer()["cells"]
        time_ratios.append(ours["time_s"] / bare["time_s"])
        memory_ratios.append(ours["memory_mb"] / bare["memory_mb"])
    yield "time against a bare script", f"{statistics.median(time_ratios):.3f}", "near 1"
    yield "peak memory against a bare script", f"{statistics.median(memory_ratios):.3f}", "near 1"


def caller() -> Iterator[Row]:
    """Run both."""
    yield from influence_of_the_caller()
    yield from against_a_bare_script()
