"""Vectors that another part of a model would make: of models that are a part of another."""

from __future__ import annotations

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, first, makes, takes


def _vectors(ask: Ask, *names: str) -> np.ndarray:
    width = first(ask.config, *names, "hidden_size", "d_model", "embed_dim")
    if not isinstance(width, int):
        raise ask.unknown("the width of its vectors")
    return ask.noise(ask.length, width)


@makes("inputs_embeds")
@makes("hidden_states")
def _embedded(ask: Ask) -> np.ndarray:
    """Return random vectors, shape ``(batch size, sequence length, width)``."""
    ask.note("the sequence length counts vectors, as another part of the model makes them")
    return _vectors(ask)


# ---- Q-Former, which reads a text, vectors to ask with, and vectors of an image


@makes("query_embeds")
def _queries(ask: Ask) -> np.ndarray:
    ask.note("the sequence length counts queries, and vectors of the image")
    return _vectors(ask)


@makes("encoder_hidden_states", wanted=takes("query_embeds"))
def _encoded_image(ask: Ask) -> np.ndarray:
    return _vectors(ask, "encoder_hidden_size")


@makes("qformer_input_ids", wanted=takes("pixel_values"))
def _instructions(ask: Ask) -> np.ndarray:
    """Return the ids of what the image is asked, shape ``(batch size, sequence length)``."""
    return ask.generator.integers(1, ask.config.qformer_config.vocab_size, size=(ask.batch_size, ask.length))
