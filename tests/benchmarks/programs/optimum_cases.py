"""Single cases by optimum-benchmark 0.6.0, each in a process that it spawns; it takes models from a directory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from common import Spent, answer, configurations, request
from optimum_benchmark import Benchmark, BenchmarkConfig, InferenceConfig, ProcessConfig, PyTorchConfig


def measure(folder: Path, batch_size: int, length: int, options: dict[str, Any]) -> dict[str, Any]:
    """Measure one case."""
    spent = Spent()
    scenario = InferenceConfig(
        latency=True, memory=True, input_shapes={"batch_size": batch_size, "sequence_length": length}, **options
    )
    backend = PyTorchConfig(model=str(folder), device="cpu", task="feature-extraction", library="transformers")
    report = Benchmark.launch(
        BenchmarkConfig(name="case", launcher=ProcessConfig(), scenario=scenario, backend=backend)
    ).to_dict()
    measuring = spent.until_now()
    forward = report["forward"]["latency"]
    # Beside the timed passes: the first one, the warm-up, and one while the memory is read.
    calls_s = (
        report["first_forward"]["latency"]["total"] + forward["total"] + (scenario.warmup_runs + 1) * forward["mean"]
    )
    return {
        "length": length,
        **measuring,
        "build_s": report["load_model"]["latency"]["total"],
        "calls_s": calls_s,
        "time_s": forward["p50"],
        "memory_mb": report["forward"]["memory"]["max_ram"] * 1e6 / 2**20,
    }


def main() -> None:
    """Save each model, then measure its cases."""
    from transformers import BertModel

    asked = request()
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        for name, config in zip(asked["models"], configurations(asked), strict=True):
            BertModel(config).save_pretrained(Path(folder, name))
            for length in asked["lengths"]:
                found = measure(Path(folder, name), asked["batch_size"], length, asked["options"])
                cases.append({"model": name, **found})
    answer({"cases": cases, **{what: sum(case[what] for case in cases) for what in ("measuring_s", "measuring_cpu_s")}})


if __name__ == "__main__":  # it spawns, and so imports this file again
    main()
