"""This project's sweep."""

from __future__ import annotations

from common import Spent, answer, configurations, request

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

asked = request()
args = PyTorchBenchmarkArguments(
    models=list(asked["models"]),
    batch_sizes=[asked["batch_size"]],
    sequence_lengths=asked["lengths"],
    **asked.get("options", {}),
)
benchmark = PyTorchBenchmark(args, configs=configurations(asked))
spent = Spent()
results = benchmark.run()
measuring = spent.until_now()
cases = []
for case, measurement in results.entries:
    found = {"model": case.model, "length": case.sequence_length, "status": measurement.status}
    timing, memory, failure = measurement.timing, measurement.memory, measurement.failure
    if timing is not None and memory is not None:
        low, high = timing.interval_s
        found |= {
            "time_s": timing.median_s,
            "half_width": (high - low) / 2 / timing.median_s,
            "noisy": timing.noisy,
            "memory_mb": memory.peak_bytes / 2**20,
            **{name: getattr(measurement.costs, name) for name in ("build_s", "calls", "calls_s")},
        }
    cases.append({**found, "error": str(failure or "")})
answer({"cases": cases, "threads": results.entries[0][1].details.get("threads"), **measuring})
