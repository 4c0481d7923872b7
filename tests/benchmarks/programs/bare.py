"""What a plain script of the user's own reads for one case: median time of a pass, and peak memory of the process."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import torch
from common import answer, configurations, request
from transformers import BertModel

asked = request()
(config,) = configurations(asked)
model = BertModel(config).eval()
ids = torch.randint(config.vocab_size, (asked["batch_size"], asked["length"]))
samples_s = []
with torch.no_grad():
    for _ in range(3):
        model(ids)
    begin = time.perf_counter()
    while len(samples_s) < 5 or time.perf_counter() - begin < asked["seconds"]:
        start = time.perf_counter()
        model(ids)
        samples_s.append(time.perf_counter() - start)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
answer({"time_s": statistics.median(samples_s), "memory_mb": int(status["VmHWM"].split()[0]) / 1024})
