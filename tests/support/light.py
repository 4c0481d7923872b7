"""Models for scripts and kernels that tests start: their callers import no framework, which takes seconds."""

from __future__ import annotations

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
