"""The column of the weights against what the models are known to hold."""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Iterator
from typing import Any

from report import Row

import hfbench_nb
from hfbench_nb.configurations.catalog import checkpoints
from hfbench_nb.protocol.measurement import MEGABYTE

ELEMENT_BYTES = 4  # float32
# Every checkpoint of the catalogue that has fewer: larger ones take minutes to fill.
MAX_PARAMETERS = 1_000_000_000
WANTED = 0.02
IN_TENSORFLOW = [
    "google-bert/bert-base-uncased", "distilbert/distilbert-base-uncased", "openai-community/gpt2", "google-t5/t5-small"
]  # fmt: skip


def weights_of_the_catalogue() -> Iterator[Row]:
    """Build every model of the catalogue that is not too large, and compare its weights with its parameters."""
    names = [checkpoint.name for checkpoint in checkpoints() if checkpoint.parameters < MAX_PARAMETERS]
    entries = _measure("PyTorch", names)
    yield _row("PyTorch: weights_mb against parameters", _deviations(entries), "each within 2 %")
    buffers_mb = {
        case.model: measurement.model_facts.non_persistent_buffer_bytes / MEGABYTE for case, measurement in entries
    }
    largest = sorted(buffers_mb, key=buffers_mb.__getitem__)[-3:]
    yield (
        "largest buffers that no checkpoint stores, in working memory",
        "; ".join(f"{name} {buffers_mb[name]:.1f} MB" for name in largest),
        "reported",
    )
    if all(importlib.util.find_spec(name) for name in ("tensorflow", "tf_keras")):
        found = _deviations(_measure("TensorFlow", IN_TENSORFLOW))
        yield _row("TensorFlow: weights_mb against parameters", found, "each within 2 %")


def _measure(framework: str, names: list[str]) -> list[Any]:
    arguments = getattr(hfbench_nb, f"{framework}BenchmarkArguments")(
        models=names, batch_sizes=[1], sequence_lengths=[8], speed=False
    )
    return getattr(hfbench_nb, f"{framework}Benchmark")(arguments).run().entries  # type: ignore[no-any-return]


def _deviations(entries: list[Any]) -> dict[str, float]:
    """Return each model's relative deviation; a model that could not be measured ends the section."""
    found = {}
    for case, measurement in entries:
        if measurement.memory is None:
            raise RuntimeError(f"{case.model}: {measurement.failure}")
        known = measurement.model_facts.parameters * ELEMENT_BYTES
        found[case.model] = measurement.memory.weights_bytes / known - 1
    return found


def _row(what: str, deviations: dict[str, float], wanted: str) -> Row:
    within = sum(abs(deviation) <= WANTED for deviation in deviations.values())
    farthest = max(deviations, key=lambda name: abs(deviations[name]))
    median = statistics.median(deviations.values())
    return (
        what,
        f"{within} of {len(deviations)} models within 2 %; median {median:+.2%}, "
        f"farthest {deviations[farthest]:+.2%} ({farthest})",
        wanted,
    )
