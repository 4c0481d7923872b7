"""Generation by optimum-benchmark 0.6.0, each case in a process that it spawns; it takes models from a directory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from common import Spent, answer, request

STARTING = Spent()
from optimum_benchmark import Benchmark, BenchmarkConfig, InferenceConfig, ProcessConfig, PyTorchConfig  # noqa: E402

STARTING_S = STARTING.until_now()["measuring_s"]


def measure(folder: Path, task: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Measure one case."""
    new_tokens = asked["new_tokens"]
    scenario = InferenceConfig(
        latency=True,
        memory=True,
        input_shapes={"batch_size": asked["batch_size"], "sequence_length": asked["length"]},
        generate_kwargs={"max_new_tokens": new_tokens, "min_new_tokens": new_tokens},
        **asked["options"],
    )
    backend = PyTorchConfig(model=str(folder), device="cpu", task=task, library="transformers")
    report = Benchmark.launch(
        BenchmarkConfig(name="case", launcher=ProcessConfig(), scenario=scenario, backend=backend)
    ).to_dict()
    decode = report["decode"]["latency"]["p50"]
    per_token = (report.get("per_token") or {}).get("latency") or {}
    return {
        "ttft_s": report["prefill"]["latency"]["p50"],
        "tpot_s": per_token.get("p50", decode / (new_tokens - 1)),
        "memory_mb": report["decode"]["memory"]["max_ram"] * 1e6 / 2**20,
    }


def main() -> None:
    """Save each model with random weights, then measure it: saving is not part of the time, importing the tool is."""
    import transformers

    asked = request()
    cases, seconds = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for title, config in configurations(asked).items():
            is_pair = config.is_encoder_decoder
            auto = transformers.AutoModelForSeq2SeqLM if is_pair else transformers.AutoModelForCausalLM
            auto.from_config(config).save_pretrained(Path(folder, title))
            spent = Spent()
            try:
                task = "text2text-generation" if is_pair else "text-generation"
                found = measure(Path(folder, title), task, asked)
            except Exception as error:
                found = {"error": f"{type(error).__name__}: {error}"[:200]}
            seconds += spent.until_now()["measuring_s"]
            cases.append({"model": title, **found})
    answer({"cases": cases, "measuring_s": STARTING_S + seconds})


def configurations(asked: dict[str, Any]) -> dict[str, Any]:
    """Make the same configurations as the other tools, of what is known in this environment."""
    import transformers

    made = {}
    for title, settings in asked["configurations"].items():
        made[title] = transformers.AutoConfig.for_model(**settings)
    return made


if __name__ == "__main__":  # it spawns, and so imports this file again
    main()
