"""The tokens of a text that stand for something else."""

from __future__ import annotations

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, first, placeholders


def put_placeholders(ask: Ask) -> None:
    """Put the tokens that stand for the image before the text, in models that put images into texts."""
    token = placeholders(ask.config).get("image")
    if token is None or not {"input_ids", "pixel_values"} <= set(ask.names):
        return
    count = first(ask.config, "image_seq_length", "mm_tokens_per_image")
    count = count or first(ask.part("vision_config"), "num_image_tokens")
    if count is None:
        raise NotImplementedError(
            f"{type(ask.model).__name__}: its configuration does not say how many tokens stand for an image"
        )
    ask.notes.append(f"{count} tokens of the image come before those of the sequence length")
    ids = ask.arrays["input_ids"]
    ask.arrays["input_ids"] = np.concatenate([np.full((ask.batch_size, int(count)), token), ids], axis=1)
