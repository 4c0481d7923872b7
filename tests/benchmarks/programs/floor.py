"""The least that a tool could do for a result: import, build each model once, run the passes that the result took."""

from __future__ import annotations

import time

from common import answer, configurations, request

from hfbench_nb.configurations.lookup import find_models
from hfbench_nb.protocol.records import Cell, Settings
from hfbench_nb.worker.backends import load_backend

asked = request()
runtime = load_backend("PyTorch").open(Settings())
build_s = calls_s = 0.0
for spec in find_models(list(asked["models"]), configurations(asked), trust_remote_code=False):
    start = time.perf_counter()
    model = runtime.build(spec, "inference", lambda: None)
    build_s += time.perf_counter() - start
    for length in asked["lengths"]:
        call = runtime.make_call(model, Cell("PyTorch", spec.name, "inference", asked["batch_size"], length))
        start = time.perf_counter()
        for _ in range(asked["calls"][f"{spec.name} {length}"]):
            call()
        calls_s += time.perf_counter() - start
answer({"build_s": build_s, "calls_s": calls_s})
