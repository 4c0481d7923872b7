"""What a loop that waits for the device around each call reads for one case: by the clock, and by the device's events.

Also what the same loop reads when it does not wait: the time that launching takes.
"""

from __future__ import annotations

import statistics
import time

import torch
from common import answer, configurations, request
from transformers import BertModel

asked = request()
(config,) = configurations(asked)
model = BertModel(config).to("cuda").eval()
ids = torch.randint(config.vocab_size, (asked["batch_size"], asked["length"]), device="cuda")


def sample(wait: bool) -> tuple[float, float]:
    before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start = time.perf_counter()
    before.record()
    model(ids)
    after.record()
    if wait:
        torch.cuda.synchronize()
    wall_s = time.perf_counter() - start
    torch.cuda.synchronize()
    return wall_s, before.elapsed_time(after) / 1000


with torch.no_grad():
    for _ in range(20):
        sample(wait=True)
    waited = []
    begin = time.perf_counter()
    while len(waited) < 20 or time.perf_counter() - begin < asked["seconds"]:
        waited.append(sample(wait=True))
    launched = [sample(wait=False) for _ in range(20)]
wall_s, events_s = (statistics.median(column) for column in zip(*waited, strict=True))
answer({"time_s": wall_s, "device_s": events_s, "launch_s": statistics.median(wall for wall, _ in launched)})
