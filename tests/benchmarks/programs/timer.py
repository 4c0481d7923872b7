"""What torch.utils.benchmark reads for one cell, on so many threads."""

from __future__ import annotations

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
    timer.timeit(3)
    measured = timer.blocked_autorange(min_run_time=asked["seconds"])
answer({"time_s": measured.median})
