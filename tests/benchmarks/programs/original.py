"""The sweep by the benchmark that was part of Transformers 4.48.3, as its documentation shows it."""

from __future__ import annotations

from typing import Any

from common import Spent, answer, configurations, request
from transformers import PyTorchBenchmark, PyTorchBenchmarkArguments


def megabytes(memory: Any) -> Any:
    """Return the original's `Memory` as a number; what is none, such as "N/A", as it is."""
    return memory.bytes / 2**20 if hasattr(memory, "bytes") else memory


asked = request()
args = PyTorchBenchmarkArguments(
    models=list(asked["models"]), batch_sizes=[asked["batch_size"]], sequence_lengths=asked["lengths"]
)
benchmark = PyTorchBenchmark(args, configs=configurations(asked))
spent = Spent()
results = benchmark.run()
measuring = spent.until_now()
answer(
    {
        "cases": [
            {
                "model": model,
                "length": length,
                "time_s": results.time_inference_result[model]["result"][asked["batch_size"]][length],
                "memory_mb": megabytes(results.memory_inference_result[model]["result"][asked["batch_size"]][length]),
            }
            for model in asked["models"]
            for length in asked["lengths"]
        ],
        **measuring,
    }
)
