"""Models for scripts and kernels that tests start: their callers import no framework, which takes seconds."""

from __future__ import annotations

from typing import Any

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 100,
    "max_position_embeddings": 64,
}
"""Those of a tiny BERT."""


def bert(**given: int) -> str:
    """Name a tiny BERT, as an entry of ``models``."""
    return "google-bert/bert-base-uncased:" + ",".join(f"{name}={value}" for name, value in {**SIZES, **given}.items())


# Factories of models, and their inputs.


def fine() -> Any:
    """Make a model that works."""
    import torch

    return torch.nn.Linear(8, 8)


def hangs() -> Any:
    """Never finish."""
    import time

    time.sleep(600)


def inputs(batch_size: int, sequence_length: int) -> dict[str, Any]:
    """Make the inputs of either."""
    import torch

    return {"input": torch.ones(batch_size, sequence_length, 8)}
