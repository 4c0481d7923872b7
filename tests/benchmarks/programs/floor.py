"""The least that a tool could do for a result: import, build each model once, run the passes that the result took."""

from __future__ import annotations

import time

from common import answer, configurations, request

from hfbench_nb.configurations.lookup import find_models
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.model_kinds import BASE
from hfbench_nb.protocol.request import Method
from hfbench_nb.worker.backends import load_backend

asked = request()
runtime = load_backend("hfbench_nb.worker.backends.pytorch").open(Settings(), Method())
build_s = calls_s = 0.0
for spec in find_models(list(asked["models"]), configurations(asked), trust_remote_code=False):
    start = time.perf_counter()
    model = runtime.build(spec, BASE, training=False).model
    build_s += time.perf_counter() - start
    for length in asked["lengths"]:
        case = Case("PyTorch", spec.name, "inference", asked["batch_size"], length)
        call = runtime.inference_call(model, runtime.make_inputs(model, case, labels=False))
        start = time.perf_counter()
        for _ in range(asked["calls"][f"{spec.name} {length}"]):
            call()
        calls_s += time.perf_counter() - start
answer({"build_s": build_s, "calls_s": calls_s})
