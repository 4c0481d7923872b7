"""What line-by-line memory tracing costs: a forward pass of BERT with six layers, untraced and traced.

    python tests/benchmarks/tracing_cost.py [--original /path/to/python/with/transformers/4.48.3]

With ``--original`` the original's tracing is measured too, and ours beside it, by that interpreter: each in a process
of its own, with one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LAYERS = 6
# Hidden size, batch size, sequence length: from a pass that is nearly all Python, where tracing weighs most, upwards.
CASES = {
    "hidden 48, batch 1, length 8": (48, 1, 8),
    "hidden 768, batch 1, length 8": (768, 1, 8),
    "hidden 768, batch 1, length 128": (768, 1, 128),
}
ROOT = Path(__file__).resolve().parent.parent

# Runs in this environment and in the original's; the two differ in the two lines that are filled in.
CHILD = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import torch
from transformers import BertConfig, BertModel
{import_line}

torch.set_num_threads(1)
hidden, batch, length, repeat = map(int, sys.argv[1:])
sizes = dict(hidden_size=hidden, num_attention_heads=12, intermediate_size=4 * hidden)
config = BertConfig(num_hidden_layers={layers}, **sizes)
model = BertModel(config).eval()
ids = torch.randint(config.vocab_size, (batch, length))

def one_pass():
    with torch.no_grad():
        model(input_ids=ids)

def seconds():
    start = time.perf_counter()
    one_pass()
    return time.perf_counter() - start

one_pass(), one_pass()
found = {{"untraced": [], "traced": [], "stop": []}}
for _ in range(repeat):  # by turns: what disturbs the machine disturbs both
    found["untraced"].append(seconds())
    trace = start_memory_tracing("transformers")
    found["traced"].append(seconds())
    start = time.perf_counter()
    summary = stop_memory_tracing(trace)
    found["stop"].append(time.perf_counter() - start)
print(json.dumps({{**found, "steps": len(summary.sequential)}}))
"""
OURS = "from hfbench_nb import start_memory_tracing, stop_memory_tracing"
ORIGINAL = "from transformers.benchmark.benchmark_utils import start_memory_tracing, stop_memory_tracing"


def measure(python: str, import_line: str, case: tuple[int, int, int], repeat: int) -> dict[str, float]:
    """Measure one case; return the medians, seconds, and the number of steps."""
    words = [python, "-c", CHILD.format(import_line=import_line, layers=LAYERS), *map(str, (*case, repeat))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: value if isinstance(value, int) else statistics.median(value) for name, value in found.items()}


def main(show: Callable[[str], object] = print) -> None:
    """Measure every case and show a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--original", metavar="PYTHON", help="interpreter that has transformers 4.48.3")
    parser.add_argument("--repeat", type=int, default=20, help="passes of each kind (default 20)")
    options = parser.parse_args()
    tools = {"ours": (sys.executable, OURS)}
    if options.original:  # our tracing needs the standard library alone: compare both on the same model code too
        tools["ours, its models"] = (options.original, OURS)
        tools["original"] = (options.original, ORIGINAL)
    show(f"{'case':33}{'tool':18}{'untraced':>12}{'traced':>12}{'ratio':>8}{'stop':>12}{'steps':>8}")
    for name, case in CASES.items():
        for tool, (python, import_line) in tools.items():
            found = measure(python, import_line, case, options.repeat)
            times = [f"{1000 * found[key]:.2f} ms" for key in ("untraced", "traced", "stop")]
            ratio = f"{found['traced'] / found['untraced']:.2f}"
            show(f"{name:33}{tool:18}{times[0]:>12}{times[1]:>12}{ratio:>8}{times[2]:>12}{found['steps']:>8}")


if __name__ == "__main__":
    main()
