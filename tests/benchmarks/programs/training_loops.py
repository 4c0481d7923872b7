"""One model's step in two ways, call by call in turn: the measured call, and a loop that one would write."""

from __future__ import annotations

import random
import time
from typing import Any

import torch
from common import answer, request

from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.request import Method
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.workloads.training import Training

asked = request()
settings = Settings({"device": "cpu", "threads": asked.get("threads"), **asked["settings"]})
runtime = load_backend("hfbench_nb.worker.backends.pytorch").open(settings, Method())
case = Case("PyTorch", asked["model"], "training", asked["batch_size"], asked["length"], settings)
prepared = Training(case, find_model(asked["model"])).prepare(runtime)
model: Any = prepared.model
inputs = runtime._step._inputs
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)


def by_hand() -> None:
    optimizer.zero_grad()
    loss = model(**inputs).loss
    loss.backward()
    optimizer.step()


ways = {"ours": prepared.call, "by hand": by_hand}
for way in ways.values():
    way()
samples_s: dict[str, list[float]] = {name: [] for name in ways}
order = random.Random(0)
until = time.perf_counter() + asked["seconds"]
while time.perf_counter() < until or len(samples_s["ours"]) < asked.get("least", 5):
    for name in order.sample(list(ways), len(ways)):
        start = time.perf_counter()
        ways[name]()
        samples_s[name].append(time.perf_counter() - start)
turns = Timing(tuple(ours / theirs for ours, theirs in zip(*samples_s.values(), strict=True)))
calls = len(samples_s["ours"])
phases = {name: list(durations) for name, durations in prepared.parts(calls).items()}
sums = Timing(tuple(sum(of_call) / whole for *of_call, whole in zip(*phases.values(), samples_s["ours"], strict=True)))
answer({
    "ratio": [turns.median_s, *turns.interval_s], "sum of the phases": sums.median_s, "calls": calls,
    "found_s": {name: Timing(tuple(of)).median_s for name, of in samples_s.items()},
})  # fmt: skip
