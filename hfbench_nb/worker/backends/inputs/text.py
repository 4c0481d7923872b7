"""Texts: token ids and masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, makes, reserved_ids, takes
from hfbench_nb.worker.backends.inputs.vocabulary import Vocabulary, vocabulary

_CHOICES = 2


@makes("input_ids", wanted=lambda model: getattr(model.config, "text_config", None) is not None)
def _token_ids(ask: Ask) -> np.ndarray:
    """Return ids of the text that the model reads.

    Shape ``(batch size, sequence length)``; ``(batch size, choices, sequence length)`` for multiple choice.
    """
    several = type(ask.model).__name__.endswith("ForMultipleChoice")
    if several:
        ask.notes.append(f"each example has {_CHOICES} choices of the sequence length")
    words = vocabulary(ask.model, writes=False)
    shape = (ask.batch_size, _CHOICES, ask.length) if several else (words.codebooks * ask.batch_size, ask.length)
    return _draw(ask, words, shape)


@makes("decoder_input_ids", wanted=lambda model: bool(getattr(model.config, "is_encoder_decoder", False)))
def _decoder_token_ids(ask: Ask) -> np.ndarray:
    """Return ids of the text that the model writes; those that it reads, where both have the same vocabulary."""
    words = vocabulary(ask.model, writes=True)
    if "input_ids" in ask.arrays and words == vocabulary(ask.model, writes=False):
        return ask.arrays["input_ids"]
    return _draw(ask, words, (words.codebooks * ask.batch_size, ask.length))


def _draw(ask: Ask, words: Vocabulary, shape: tuple[int, ...]) -> np.ndarray:
    """Draw uniform random ids, except those of padding, end of text and images, which have a meaning to models."""
    special = {*words.special, *reserved_ids(ask.config)}
    left_out = sorted(i for i in special if 0 <= i < words.size)
    left_out = left_out if len(left_out) < words.size else []
    ids = ask.generator.integers(words.size - len(left_out), size=shape)
    for token in left_out:  # in ascending order, so that each id moves past all excluded ones
        ids += ids >= token
    if type(ask.model).__name__.endswith("ForSequenceClassification") and words.end is not None:
        ids[..., -1] = words.end  # some models use the state at the end of the text
    return ids


@makes("attention_mask", wanted=takes("visual_embeds"), late=True)  # VisualBERT counts the tokens by it
def _mask(ask: Ask) -> np.ndarray:
    return np.ones_like(ask.arrays["input_ids"]) if "input_ids" in ask.arrays else ask.ones(ask.length)


# ---- documents that a retriever would find, in RAG


def _reads_documents(model: Any) -> bool:
    return isinstance(getattr(model.config, "n_docs", None), int)


@makes("context_input_ids", wanted=_reads_documents)
def _document_ids(ask: Ask) -> np.ndarray:
    """Return ids of the documents found for each question, shape ``(batch size * documents, sequence length)``."""
    count = ask.config.n_docs
    ask.notes.append(
        f"without retrieval: {count} documents of random text, each of the sequence length, come with each question; "
        "the question encoder does not run"
    )
    return _draw(ask, vocabulary(ask.model, writes=True), (ask.batch_size * count, ask.length))


@makes("context_attention_mask", wanted=_reads_documents)
def _document_mask(ask: Ask) -> np.ndarray:
    return np.ones((ask.batch_size * ask.config.n_docs, ask.length), np.int64)


@makes("doc_scores", wanted=_reads_documents)
def _document_scores(ask: Ask) -> np.ndarray:
    return ask.noise(ask.config.n_docs)
