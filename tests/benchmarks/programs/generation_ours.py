"""Generation of several models by this project."""

from __future__ import annotations

import time

import psutil
from common import answer, request

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

if __name__ == "__main__":
    asked = request()
    args = PyTorchBenchmarkArguments(
        models=list(asked["models"].values()),
        batch_sizes=[asked["batch_size"]],
        sequence_lengths=[asked["length"]],
        new_tokens=asked["new_tokens"],
        generation=True,
        inference=False,
        **asked.get("arguments", {}),
    )
    benchmark = PyTorchBenchmark(args)
    started, seen_s = psutil.Process().create_time(), {}
    frame = benchmark.run(on_case=lambda case, measurement: seen_s.setdefault(case, time.time() - started)).frame
    cases = frame[["model", "status", "error", "ttft_s", "tpot_s", "memory_mb"]].to_dict("records")
    answer({"cases": cases, "seen_s": max(seen_s.values())})
