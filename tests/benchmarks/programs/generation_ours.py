"""Generation of several models by this project."""

from __future__ import annotations

import time
from typing import Any

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
    seen_s: dict[Any, float] = {}
    # The clock of all processes of a machine.
    frame = benchmark.run(on_case=lambda case, _: seen_s.setdefault(case, time.monotonic() - asked["started_s"])).frame
    cases = frame[["model", "status", "error", "ttft_s", "tpot_s", "memory_mb"]].to_dict("records")
    answer({"cases": cases, "seen_s": max(seen_s.values())})
