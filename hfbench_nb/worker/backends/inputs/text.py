"""Texts: token ids and masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, makes, reserved_ids

_CHOICES = 2


@makes("input_ids", wanted=lambda model: getattr(model.config, "text_config", None) is not None)
def _token_ids(ask: Ask) -> np.ndarray:
    """Return uniform random ids, except those of padding, end of text and images, which have a meaning to models.

    Shape ``(batch size, sequence length)``; ``(batch size, choices, sequence length)`` for multiple choice.
    """
    config = text_config(ask.config)
    special: list[Any] = [getattr(config, name, None) for name in ("pad_token_id", "eos_token_id")]
    left_out = sorted(
        {i for i in [*special, *reserved_ids(ask.config)] if isinstance(i, int) and 0 <= i < config.vocab_size}
    )
    left_out = left_out if len(left_out) < config.vocab_size else []
    several = type(ask.model).__name__.endswith("ForMultipleChoice")
    shape = (ask.batch_size, _CHOICES, ask.length) if several else (ask.batch_size, ask.length)
    ids = ask.generator.integers(config.vocab_size - len(left_out), size=shape)
    for token in left_out:  # in ascending order, so that each id moves past all excluded ones
        ids += ids >= token
    if several:
        ask.notes.append(f"each example has {_CHOICES} choices of the sequence length")
    if type(ask.model).__name__.endswith("ForSequenceClassification") and isinstance(special[1], int):
        ids[..., -1] = special[1]  # some models use the state at the end of the text
    return ids


@makes("decoder_input_ids", wanted=lambda model: bool(getattr(model.config, "is_encoder_decoder", False)))
def _decoder_token_ids(ask: Ask) -> np.ndarray:
    same = ask.arrays.get("input_ids")
    return _token_ids(ask) if same is None else same


@makes("attention_mask")
def _mask(ask: Ask) -> np.ndarray:
    return np.ones((ask.batch_size, ask.length), np.int64)


def text_config(config: Any) -> Any:
    """Return the configuration of the text that a model reads or, if it only writes text, of that text."""
    return config if hasattr(config, "vocab_size") else config.get_text_config()
