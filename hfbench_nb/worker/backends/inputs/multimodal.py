"""The tokens of a text that stand for images, videos and audio."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfbench_nb.worker.backends.inputs.audio import HEARING
from hfbench_nb.worker.backends.inputs.base import (
    TEXT,
    Ask,
    first,
    lookup,
    makes,
    placeholders,
    takes,
    unset_placeholders,
)
from hfbench_nb.worker.backends.inputs.images import VISION
from hfbench_nb.worker.backends.inputs.optional import CARRIERS, carried_by, optional

# The token that may announce something in the text, and the one that may end it.
_BEFORE = {
    "image": ("vision_start_token_id", "boi_token_id", "image_start_token_id"),
    "audio": ("boa_token_id", "audio_start_token_id"),
    "video": ("vision_start_token_id",),
}
_AFTER = {
    "image": ("vision_end_token_id", "eoi_token_id", "image_end_token_id"),
    "audio": ("eoa_token_id", "audio_end_token_id"),
    "video": ("vision_end_token_id",),
}


def put_placeholders(ask: Ask) -> None:
    """Put the tokens that stand for an image or audio before the text, in models that put such things into texts.

    What a model takes but cannot be given with this configuration is left out, if the model runs without it.
    """
    if "input_ids" not in ask.arrays:
        return
    for what in CARRIERS:
        carried = {name: array for name, array in ask.arrays.items() if carried_by(name) == what}
        if carried:
            with optional(ask, what, carried, Exception):  # the model's own code counts
                _put(ask, what, carried)


def _put(ask: Ask, what: str, carried: dict[str, np.ndarray]) -> None:
    token, unset = placeholders(ask.config).get(what), unset_placeholders(ask.config).get(what)
    if unset is not None:
        raise NotImplementedError(
            f"{type(ask.model).__name__}: its configuration lacks {unset}, the token that stands for the {what}: set it"
        )
    if token is None:
        return  # what the model is given reaches it in another way
    # One token is enough where the text attends to the image instead of containing it.
    count = 1 if "cross_attention_mask" in ask.names else _count(ask, what, carried)
    come = "token of the {} comes" if count == 1 else "tokens of the {} come"
    ask.note(f"{count} {come.format(what)} before those of the sequence length")
    around = [lookup(ask.config, TEXT, *names[what]) for names in (_BEFORE, _AFTER)]
    block = [t for t in (around[0], *[token] * count, around[1]) if isinstance(t, int)]
    ids = ask.arrays["input_ids"]
    ask.arrays["input_ids"] = np.concatenate([np.tile(np.array(block), (len(ids), 1)), ids], axis=1)


def _count(ask: Ask, what: str, carried: dict[str, np.ndarray]) -> int:
    """Return how many tokens of the text stand for one image, video or recording."""
    fixed = getattr(ask.config, f"{what}_soft_tokens_per_image", None)  # Gemma 3n pads audio to that many
    if fixed is not None:
        return int(fixed)
    one = {name: array[: len(array) // ask.batch_size] for name, array in carried.items()}
    count = ask.count_features(what, one)
    if count is None and what == "image":
        count = first(ask.config, "image_seq_length", "mm_tokens_per_image", "num_query_tokens")
        count = count or lookup(ask.config, VISION, "num_image_tokens")
    if count is None and "image_patches" in carried:
        count = carried["image_patches"].shape[1]
    positions = lookup(ask.config, HEARING, "max_source_positions")
    if count is None and what == "audio" and isinstance(positions, int):
        count = positions // 2  # Qwen2-Audio joins two frames
    if count is None:
        raise ask.unknown(f"how many tokens stand for {'an' if what[0] in 'ai' else 'a'} {what}")
    return int(count)


# ---- what tells the model which tokens of the text stand for something else


def _marks(ask: Ask, *kinds: str) -> np.ndarray:
    """Return for each token 0 for text, and else the place among `kinds`, counted from 1, of what it stands for."""
    ids = ask.arrays["input_ids"]
    marks = np.zeros_like(ids)
    for number, what in enumerate(kinds, 1):
        token = placeholders(ask.config).get(what)
        if token is not None:
            marks[ids == token] = number
    return marks


def _has_placeholders(model: Any) -> bool:
    return bool(placeholders(model.config)) and takes("input_ids")(model)


@makes("mm_token_type_ids", wanted=_has_placeholders, late=True)
def _token_types(ask: Ask) -> np.ndarray:
    return _marks(ask, "image", "video", "audio")


@makes("token_type_ids", wanted=_has_placeholders, fits=_has_placeholders, late=True)
def _image_token_types(ask: Ask) -> np.ndarray:
    return _marks(ask, "image")


# ---- Kosmos-2: the first positions of the text are those of the image


@makes("image_embeds_position_mask", wanted=takes("input_ids"), late=True)
def _image_positions(ask: Ask) -> np.ndarray:
    """Return 1 for the positions that the image takes, which come before the text."""
    count = int(ask.config.latent_query_num)
    ask.note(f"{count} positions of the image come before those of the sequence length")
    ids = ask.arrays["input_ids"]
    ask.arrays["input_ids"] = np.concatenate([ids[:, :1].repeat(count, axis=1), ids], axis=1)
    return np.concatenate([ask.ones(count), np.zeros_like(ids)], axis=1)
