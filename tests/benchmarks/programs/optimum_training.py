"""Training by optimum-benchmark 0.6.0, each case in a process that it spawns; it takes models from a directory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from common import Spent, answer, request
from optimum_benchmark import Benchmark, BenchmarkConfig, ProcessConfig, PyTorchConfig, TrainingConfig

_TASKS = {"bert": "fill-mask", "gpt2": "text-generation"}


def measure(folder: Path, task: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Measure one case."""
    scenario = TrainingConfig(
        latency=True,
        memory=True,
        dataset_shapes={"dataset_size": 2 * asked["batch_size"], "sequence_length": asked["length"]},
        training_arguments={"per_device_train_batch_size": asked["batch_size"], "optim": "adamw_torch"},
        **asked["options"],
    )
    backend = PyTorchConfig(model=str(folder), device="cpu", task=task, library="transformers")
    report = Benchmark.launch(
        BenchmarkConfig(name="case", launcher=ProcessConfig(), scenario=scenario, backend=backend)
    ).to_dict()
    return {
        "time_s": report["train"]["latency"]["p50"],
        "samples_per_s": report["train"]["throughput"]["value"],
        "memory_mb": report["train"]["memory"]["max_ram"] * 1e6 / 2**20,
    }


def main() -> None:
    """Save each model with random weights, then measure it: saving is not part of the time."""
    import transformers

    asked = request()
    cases, seconds = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for title, settings in asked["configurations"].items():
            config = transformers.AutoConfig.for_model(**settings)
            getattr(transformers, config.architectures[0])(config).save_pretrained(Path(folder, title))
            spent = Spent()
            try:
                found = measure(Path(folder, title), _TASKS[config.model_type], asked)
            except Exception as error:
                found = {"error": f"{type(error).__name__}: {error}"[:200]}
            seconds += spent.until_now()["measuring_s"]
            cases.append({"model": title, **found})
    answer({"cases": cases, "measuring_s": seconds})


if __name__ == "__main__":  # it spawns, and so imports this file again
    main()
