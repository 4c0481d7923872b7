"""Which ids the texts of a model have, on the side that it reads and on the side that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Code points below the first that Unicode reserves; models of characters take any.
_CODE_POINTS = 0xD800
# Names of sizes and of parts of configurations, on the side that a model reads and on that which it writes.
_SIZES = (("src_vocab_size", "vocab_size"), ("decoder_vocab_size", "tgt_vocab_size", "vocab_size"))
_PARTS = (
    (
        "text_config",
        "text_encoder",
        "encoder",
        "question_encoder",
        "thinker_config",
        "llm_config",
        "model_config",
        "decoder",
    ),
    ("decoder", "generator", "decoder_config", "text_config", "thinker_config", "llm_config"),
)


@dataclass(frozen=True)
class Vocabulary:
    """The ids of a text.

    Attributes
    ----------
    size
        Number of ids.
    special
        Ids of padding and of ends of texts.
    end
        The id that ends a text, if there is one.
    codebooks
        How many sequences of ids stand for one example, one after the other along the first dimension.
    """

    size: int
    special: frozenset[int]
    end: int | None
    codebooks: int = 1


def vocabulary(model: Any, *, writes: bool) -> Vocabulary:
    """Return the vocabulary of the text that a model reads or, if it only writes text or `writes` is true, writes.

    Raises
    ------
    NotImplementedError
        If the configuration does not tell.
    """
    found = _find(model.config, writes=writes)
    if found is None:
        raise NotImplementedError(
            f"{type(model).__name__}: the vocabulary of its text cannot be derived from its configuration"
        )
    config, size = found
    ends = _ids(config, "eos_token_id")
    special = frozenset([*_ids(config, "pad_token_id"), *ends])
    folded = str(getattr(config, "model_type", "")).startswith("musicgen")
    return Vocabulary(size, special, ends[0] if ends else None, int(config.num_codebooks) if folded else 1)


def _find(config: Any, *, writes: bool) -> tuple[Any, int] | None:
    """Return the configuration that has the vocabulary, the model's or that of a part, and the vocabulary's size."""
    for name in _SIZES[writes]:
        size = getattr(config, name, None)
        if isinstance(size, int):
            return config, size
    if hasattr(config, "num_hash_buckets"):  # Canine hashes code points
        return config, _CODE_POINTS
    for name in _PARTS[writes]:
        part = getattr(config, name, None)
        found = None if part is None else _find(part, writes=writes)
        if found is not None:
            return found
    return None


def _ids(config: Any, name: str) -> list[int]:
    """Return the special ids of a name: none, one, or several where the configuration has a list."""
    value = getattr(config, name, None)
    return [i for i in (value if isinstance(value, list | tuple) else [value]) if isinstance(i, int)]
