"""PyTorch: which sequence lengths a model accepts."""

from __future__ import annotations

import re

import torch

_POSITIONS = re.compile(r"(^|\.)(wpe|position_embeddings?|embed_positions?|pos_embeddings?)$")
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
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Embedding) or not _POSITIONS.search(name) or _NOT_OF_TEXT.search(name):
            continue
        if only_decoder and _ENCODER.search(name):
            continue
        # RoBERTa counts positions from the padding's id on; OPT and BART have an attribute for how many are skipped.
        before = getattr(module, "offset", None) or (0 if module.padding_idx is None else module.padding_idx + 1)
        if length > module.num_embeddings - before:
            raise ValueError(
                f"sequence_length {length} is beyond the {module.num_embeddings - before} positions of "
                f"{type(model).__name__}"
            )
