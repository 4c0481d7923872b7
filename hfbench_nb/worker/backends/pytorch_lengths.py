"""PyTorch: which sequence lengths a model accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch

_POSITIONS = re.compile(r"(^|\.)(wpe|(position|pos)_(embeddings?|encoding)|embed_(positions?|pos))$")
_NOT_OF_TEXT = re.compile(r"vision|visual|image|audio")
_ENCODER = re.compile(r"(^|\.)encoder\.")


def check_positions(model: torch.nn.Module, length: int, *, only_decoder: bool) -> None:
    """Raise if a length exceeds a table of positions; relative and rotary positions have no such table.

    Parameters
    ----------
    length
        Number of tokens of the text.
    only_decoder
        Whether only the decoder reads text.

    Raises
    ------
    ValueError
        If there are fewer positions than tokens.
    """
    for name, count, window in _tables(model):
        if not (only_decoder and _ENCODER.search(name)):
            _check(model, count, window, length, f"sequence_length {length}", "is")


def check_generated_positions(model: torch.nn.Module, length: int, new_tokens: int, *, reads_text: bool) -> None:
    """Raise if prompts, or what continues them, exceed a table of positions.

    Parameters
    ----------
    length, new_tokens
        Number of tokens of a prompt, and of those that follow.
    reads_text
        Whether the prompt is what the model reads: an encoder's, if it has one.

    Raises
    ------
    ValueError
        If there are fewer positions than tokens.
    """
    apart = reads_text and bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))
    for name, count, window in _tables(model):
        if not _ENCODER.search(name):
            prompt = "the start token" if apart else f"sequence_length {length}"
            total = (1 if apart else length) + new_tokens
            _check(model, count, window, total, f"{prompt} with new_tokens {new_tokens}", "are")
        elif reads_text:
            _check(model, count, window, length, f"sequence_length {length}", "is")


def _check(model: torch.nn.Module, count: int, window: int, length: int, said: str, verb: str) -> None:
    padded = -(-length // window) * window
    if padded > count:
        if padded > length:
            said += f", padded to {padded} for attention in windows of {window},"
        raise ValueError(f"{said} {verb} beyond the {count} positions of {type(model).__name__}")


def _tables(model: torch.nn.Module) -> Iterator[tuple[str, int, int]]:
    """Yield the tables of positions of texts: name, number of positions for tokens, and a multiple of which they are.

    They are layers or, where positions are computed, tensors of a module, registered as buffers or not.
    """
    for place, module in model.named_modules():
        if _NOT_OF_TEXT.search(place):
            continue
        if isinstance(module, torch.nn.Embedding) and _POSITIONS.search(place):
            yield place, module.num_embeddings - _reserved(model, place, module), _window(model, place, module)
        for name, table in {**vars(module), **module._buffers, **module._parameters}.items():
            is_table = isinstance(table, torch.Tensor) and table.ndim == 2
            if is_table and _POSITIONS.search(name) and not _NOT_OF_TEXT.search(name):
                yield f"{place}.{name}".lstrip("."), len(table), 1


def _reserved(model: torch.nn.Module, place: str, table: torch.nn.Embedding) -> int:
    """Return how many rows of a table no token can have."""
    # RoBERTa counts positions from the padding's id on; OPT and BART have an attribute for how many are skipped.
    before = int(getattr(table, "offset", 0)) or (0 if table.padding_idx is None else table.padding_idx + 1)
    # ProphetNet's decoder predicts several tokens ahead, and looks up the position after the last.
    after = int("decoder" in place and hasattr(model.config, "ngram"))
    return before + after


def _window(model: torch.nn.Module, place: str, table: torch.nn.Embedding) -> int:
    """Return of how many tokens the model makes its text a multiple, where padding has positions of its own: in LED."""
    windows = getattr(model.config, "attention_window", None)
    if not windows or table.padding_idx is not None or "decoder" in place:
        return 1
    return int(windows if isinstance(windows, int) else max(windows))
