"""Measure the tool itself; ``make bench`` runs it.  Ratios within one run: the machine may be shared and slow.

Each section prints a line of a Markdown table: what, measured, wanted.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
from hfbench_nb.isolation.client import close_all, measurer
from hfbench_nb.records import Settings

Row = tuple[str, str, str]


def import_time() -> Iterator[Row]:
    """Time `import hfbench_nb` in a fresh interpreter, less starting the interpreter."""
    heavy = ["torch", "tensorflow", "transformers", "numpy", "pandas", "matplotlib", "ipywidgets", "IPython"]
    code = f"""
import sys, time
start = time.perf_counter()
import hfbench_nb
print(time.perf_counter() - start, [name for name in {heavy} if name in sys.modules])
"""
    times, modules = [], ""
    for _ in range(5):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        seconds, modules = out.strip().split(maxsplit=1)
        times.append(float(seconds))
    yield "import hfbench_nb", f"{statistics.median(times):.3f} s; heavy modules: {modules}", "at most 0.6 s; []"


def cost_of_a_cell() -> Iterator[Row]:
    """Time from asking for a cell to its child's first instruction, and the start of the server."""
    from transformers import BertConfig

    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    start = time.perf_counter()
    measurer("PyTorch").environment(Settings())
    yield "start of the server, once", f"{time.perf_counter() - start:.2f} s", "reported"
    args = PyTorchBenchmarkArguments(
        models=["tiny"], batch_sizes=[1], sequence_lengths=range(8, 29), max_seconds=0.01, threads=1
    )
    begin = time.perf_counter()
    results = PyTorchBenchmark(args, configs=[config]).run()
    a_cell_s = (time.perf_counter() - begin) / len(results.entries)
    first, *others = [measurement.details["start_s"] for _, measurement in results.entries]
    yield "asking to first instruction, median of 20", f"{statistics.median(others):.3f} s", "at most 0.1 s"
    yield "the same for the first cell of a model type", f"{first:.3f} s", "reported"
    yield "a whole cell of a tiny model, time and memory", f"{a_cell_s:.3f} s", "reported"


CALLER = """
import sys
if "loaded" in sys.argv:
    import numpy as np, torch
    held = np.ones((1 << 31) // 8)
    for _ in range(5):
        torch.ones(2000, 2000) @ torch.ones(2000, 2000)
from transformers import BertConfig
from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
args = PyTorchBenchmarkArguments(models=["bert"], batch_sizes=[8], sequence_lengths=[128], speed=False)
print(PyTorchBenchmark(args, configs=[BertConfig(num_hidden_layers=6)]).run().frame["memory_mb"][0])
"""


def influence_of_the_caller() -> Iterator[Row]:
    """Measure the same cell from a fresh process and from one with 2 GiB of NumPy and torch's threads used."""
    fresh, loaded = (
        float(subprocess.run([sys.executable, "-c", CALLER, state], capture_output=True, text=True, check=True).stdout)
        for state in ("fresh", "loaded")
    )
    difference = abs(loaded / fresh - 1)
    yield (
        "memory from a fresh caller and from one that holds 2 GiB",
        f"{fresh:.1f} MB and {loaded:.1f} MB: {100 * difference:.2f} %",
        "at most 0.5 %",
    )


BUILDING = """
import sys, time
import torch
from hfbench_nb.backends import pytorch_models, load_backend
from hfbench_nb.lookup import find_model
load_backend("PyTorch").import_model_code(find_model(sys.argv[1]).family)
config, model_class = pytorch_models.find_class(find_model(sys.argv[1]), "inference", only_pretrain_model=False)
cpu = torch.device("cpu")
for turn in range(4):
    start = time.perf_counter()
    model = pytorch_models.build(model_class, config, torch.float32, cpu, seed=0)
    built = time.perf_counter()
    memory = [torch.empty_like(parameter).fill_(0.5) for parameter in model.parameters()]
    filled = time.perf_counter()
    if turn:
        print(built - start, filled - built)
    del model, memory
"""


def speed_of_building() -> Iterator[Row]:
    """Compare building a model with filling the same memory once, in turns in one process."""
    for name in ("google-bert/bert-base-uncased", "google-bert/bert-large-uncased"):
        command = [sys.executable, "-c", BUILDING, name]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        turns = [tuple(map(float, line.split())) for line in lines]
        build_s, fill_s = (statistics.median(column) for column in zip(*turns, strict=True))
        yield (
            f"building {name} against one fill of its memory",
            f"{build_s:.2f} s / {fill_s:.2f} s = {build_s / fill_s:.2f}",
            "at most 1.5",
        )


BARE = """
import resource, sys, statistics, time
import torch
from transformers import BertConfig, BertModel
model = BertModel(BertConfig(num_hidden_layers=2)).eval()
ids = torch.randint(30522, (8, 128))
with torch.no_grad():
    for _ in range(5):
        model(ids)
    times = []
    for _ in range(15):
        start = time.perf_counter()
        model(ids)
        times.append(time.perf_counter() - start)
peak_kb = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(statistics.median(times), peak_kb / 1024)
"""


def against_a_bare_script() -> Iterator[Row]:
    """Compare a cell with what a plain script of the user's own would measure, in turns."""
    from transformers import BertConfig

    args = PyTorchBenchmarkArguments(models=["bert"], batch_sizes=[8], sequence_lengths=[128])
    time_ratios, memory_ratios = [], []
    for _ in range(3):
        out = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=True).stdout
        bare_s, bare_mb = map(float, out.split())
        row = PyTorchBenchmark(args, configs=[BertConfig(num_hidden_layers=2)]).run().frame.iloc[0]
        time_ratios.append(row["time_s"] / bare_s)
        memory_ratios.append(row["memory_mb"] / bare_mb)
    yield "time against a bare script", f"{statistics.median(time_ratios):.3f}", "near 1"
    yield "peak memory against a bare script", f"{statistics.median(memory_ratios):.3f}", "near 1"


SECTIONS: list[Callable[[], Iterator[Row]]] = [
    import_time,
    cost_of_a_cell,
    influence_of_the_caller,
    speed_of_building,
    against_a_bare_script,
]


def main() -> None:
    """Run every section."""
    print("| what | measured | wanted |\n|:---|:---|:---|", flush=True)
    for section in SECTIONS:
        for row in section():
            print(f"| {' | '.join(row)} |", flush=True)
    close_all()


if __name__ == "__main__":
    main()
