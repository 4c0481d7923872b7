"""Estimates against what really is allocated and needed, what they cost, and searches for the largest that fits."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from launching import run_program
from report import Row

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

MODELS = [
    "google-bert/bert-base-uncased", "openai-community/gpt2", "distilbert/distilbert-base-uncased",
    "albert/albert-base-v2", "FacebookAI/roberta-base", "microsoft/MiniLM-L12-H384-uncased", "google-t5/t5-small",
    "facebook/bart-base", "facebook/opt-125m", "google/vit-base-patch16-224", "openai/whisper-tiny",
    "HuggingFaceTB/SmolLM2-135M",
]  # fmt: skip
ENCODERS = ["albert/albert-base-v2", "distilbert/distilbert-base-uncased", "microsoft/MiniLM-L12-H384-uncased"]
# HFBENCH_FAST=1 tries the section: two models, one of each cost.
FAST = os.environ.get("HFBENCH_FAST") == "1"
BATCH_SIZE, LENGTH = 4, 128
ADAMW = {"optimizer": "adamw"}
CASES: dict[str, dict[str, Any]] = {
    "inference": {"task": "inference", "settings": {}},
    "training": {"task": "training", "settings": {}},
    "training, AdamW": {"task": "training", "settings": ADAMW},
    "training, AdamW, checkpointing": {"task": "training", "settings": {**ADAMW, "gradient_checkpointing": True}},
    "generation, 32 tokens": {"task": "generation", "settings": {"new_tokens": 32}},
}
COSTS: dict[str, dict[str, Any]] = {
    "BERT-base, 8 x 512": {"models": "google-bert/bert-base-uncased", "batch_sizes": 8, "sequence_lengths": 512},
    "Llama-3.2-1B, 1 x 8192": {"models": "meta-llama/Llama-3.2-1B", "batch_sizes": 1, "sequence_lengths": 8192},
    "Llama-3.1-8B, 1 x 32768": {"models": "meta-llama/Llama-3.1-8B", "batch_sizes": 1, "sequence_lengths": 32768},
    "70 billion parameters, 1 x 32768": {
        "models": "meta-llama/Llama-3.1-8B:num_hidden_layers=80,hidden_size=8192,intermediate_size=28672,"
        "num_attention_heads=64",
        "batch_sizes": 1,
        "sequence_lengths": 32768,
        "dtype": "bfloat16",
    },
}
LIMIT_MB = 640


def estimates() -> Iterator[Row]:
    """Run all parts."""
    yield from _against_real_calls()
    yield from _costs()
    yield from _searches()


def _arguments(models: list[str], case: dict[str, Any]) -> PyTorchBenchmarkArguments:
    tasks = {task: task == case["task"] for task in ("inference", "training", "generation")}
    return PyTorchBenchmarkArguments(
        models=models, batch_sizes=BATCH_SIZE, sequence_lengths=LENGTH, speed=False, rounds=1, threads=1,
        **tasks, **case["settings"],
    )  # fmt: skip


def _against_real_calls() -> Iterator[Row]:
    """Compare with the allocator's count and with the process, model by model; then the worst of each kind."""
    models = MODELS[:2] if FAST else MODELS
    ratios: dict[str, dict[str, float]] = {title: {} for title in CASES}
    above_mb: dict[str, dict[str, float]] = {title: {} for title in CASES}
    for title, case in CASES.items():
        arguments = _arguments(models, case)
        estimated = {row.case.model: needs for row, needs in PyTorchBenchmark(arguments).estimate().rows if needs}
        measured = {row.case.model: row.measurement.memory for row in PyTorchBenchmark(arguments).run()}
        for model, needs in estimated.items():
            weights_mb = needs.parts_mb["parameters_mb"]
            asked = {"model": model, "batch_size": BATCH_SIZE, "length": LENGTH, "cases": {title: case}}
            allocated_mb = weights_mb + run_program("allocated", asked).answer()["working_mb"][title]
            ratios[title][model] = needs.total_mb / allocated_mb
            told = f"{needs.total_mb:,.0f} / {allocated_mb:,.0f} MB = {ratios[title][model]:.4f}"
            memory = measured[model]
            if memory is not None:
                process_mb = (memory.weights_bytes + memory.working_bytes) / 2**20
                above_mb[title][model] = process_mb - needs.total_mb
                told += f"; process {process_mb:,.0f} MB"
            yield f"{model}, {title}: estimate / allocator", told, "0.98 to 1.02"
    for title, of_model in ratios.items():
        worst = max(of_model, key=lambda model: abs(of_model[model] - 1))
        span = f"{min(of_model.values()):.4f} to {max(of_model.values()):.4f}; worst {worst}"
        yield f"{title}, {len(of_model)} models: estimate / allocator", span, "0.98 to 1.02"
        mb = above_mb[title]
        most = max(mb, key=mb.__getitem__)
        span = f"{min(mb.values()):,.0f} to {max(mb.values()):,.0f} MB; most {most}"
        yield f"{title}: the process (weights and working memory) above the estimate", span, "reported"


def _costs() -> Iterator[Row]:
    for title, arguments in list(COSTS.items())[: 1 if FAST else None]:
        found = run_program("estimating", {"arguments": arguments}).answer()
        told = f"{found['took_s']:.1f} s, {found['largest_mb']:,.0f} MB; estimate {found['total_mb']:,.0f} MB"
        yield f"{title}: cost of an estimate in a fresh process, its largest worker", told, "60 s, 4096 MB"


def _searches() -> Iterator[Row]:
    """Search under the limit of the notebook's container."""
    with tempfile.TemporaryDirectory() as folder:
        container = Path(folder) / "python-in-container"
        container.write_text(
            f"#!/bin/sh\nulimit -d {LIMIT_MB * 1024}\nexport OMP_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=131072\n"
            f'exec "{sys.executable}" "$@"\n'
        )
        container.chmod(0o755)
        for model in ENCODERS[: 1 if FAST else None]:
            arguments = PyTorchBenchmarkArguments(
                models=model, sequence_lengths=LENGTH, python=str(container), threads=1, cuda=False,
                only_pretrain_model=True,
            )  # fmt: skip
            start = time.perf_counter()
            results = PyTorchBenchmark(arguments).find_largest("batch_size", LIMIT_MB, 4096)
            took_s = time.perf_counter() - start
            (row,) = results.largest.frame.to_dict("records")
            told = f"{row['batch_size']} ({row['memory_mb']:,.0f} MB), {row['probes']} probes, {took_s:.0f} s"
            yield f"{model}: largest batch x {LENGTH} within {LIMIT_MB} MB, of 1 to 4096", told, "at most 9 probes"
