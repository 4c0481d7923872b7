"""What torch.utils.benchmark reads for one case, on so many threads: once for each line of the input."""

from __future__ import annotations

import sys

import torch
from common import answer, configurations, request
from torch.utils.benchmark import Timer
from transformers import BertModel

asked = request()
torch.set_num_threads(asked["threads"])
(config,) = configurations(asked)
model = BertModel(config).eval()
ids = torch.randint(config.vocab_size, (asked["batch_size"], asked["length"]))
with torch.no_grad():
    timer = Timer("model(ids)", globals={"model": model, "ids": ids}, num_threads=asked["threads"])
    for _ in sys.stdin:
        timer.timeit(1)
        answer({"time_s": timer.blocked_autorange(min_run_time=asked["seconds"]).median})
