"""How quickly models are built."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

from report import Row

_BUILDING = """
import sys, time
import torch
from hfbench_nb.worker.backends import pytorch_models, load_backend
from hfbench_nb.configurations.lookup import find_model
load_backend("hfbench_nb.worker.backends.pytorch").import_model_code(find_model(sys.argv[1]).family)
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
        command = [sys.executable, "-c", _BUILDING, name]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        turns = [tuple(map(float, line.split())) for line in lines]
        build_s, fill_s = (statistics.median(column) for column in zip(*turns, strict=True))
        yield (
            f"building {name} against one fill of its memory",
            f"{build_s:.2f} s / {fill_s:.2f} s = {build_s / fill_s:.2f}",
            "at most 1.5",
        )
