"""What a user should know of a model's inputs."""

from __future__ import annotations

from typing import Any

from hfbench_nb.worker.backends.inputs.base import Ask


def image_notes(ask: Ask) -> list[str]:
    """Describe images and videos, and what the sequence length means beside them."""
    if "input_ids" in ask.names:
        return [f"each text with one of {images}" for images in ask.seen.values()]
    if "decoder_input_ids" in ask.names:
        return [f"{images}; the sequence length is the decoder's" for images in ask.seen.values()]
    return [f"no sequence length: {images}" for images in ask.seen.values()]


def attention_notes(config: Any, length: int) -> list[str]:
    """Describe how a model with block or window attention handles a sequence of `length` tokens."""
    notes = []
    if getattr(config, "attention_type", None) == "block_sparse":  # BigBird
        if length <= (5 + 2 * config.num_random_blocks) * config.block_size:
            notes.append("full attention: the sequence is too short for block-sparse attention")
        else:
            padding = _padding(length, config.block_size)
            notes.append(f"block-sparse attention, blocks of {config.block_size}{padding}")
    windows = getattr(config, "attention_window", None)  # Longformer
    if windows:
        window = windows if isinstance(windows, int) else max(windows)
        padding = _padding(length, window)
        if padding:
            notes.append(f"attention in windows of {window}{padding}")
    return notes


def _padding(length: int, block: int) -> str:
    padded = -(-length // block) * block
    return f", the model pads to {padded}" if padded > length else ""
