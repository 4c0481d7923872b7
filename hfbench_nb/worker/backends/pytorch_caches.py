"""PyTorch: the size and the kind of what a model keeps from token to token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from transformers import Cache, PretrainedConfig

CACHE_NAMES = ("cache", "past_key_values", "cache_params", "state", "mems", "past_buckets_states")
"""Under which names models keep a cache, or a state, from one pass to the next; the first since Transformers 5.24."""

_KINDS = ("quantized", "static", "dynamic")


def cache_bytes(caches: Iterable[Any]) -> int:
    """Return the bytes of the tensors in caches or states, each tensor once."""
    tensors = {
        (tensor.untyped_storage()._cdata, tensor.storage_offset(), tensor.shape): tensor.nbytes
        for tensor in _tensors(list(caches), set())
    }
    return sum(tensors.values())


def _tensors(value: Any, seen: set[int]) -> Iterator[torch.Tensor]:
    """Yield the tensors in a cache: those in its attributes, in lists and in dictionaries."""
    if id(value) in seen or isinstance(value, type | torch.nn.Module | PretrainedConfig):
        return
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        if value.ndim > 1:  # not a counter of tokens
            yield value
    elif isinstance(value, list | tuple | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _tensors(each, seen)
    elif hasattr(value, "__dict__"):
        for each in vars(value).values():
            yield from _tensors(each, seen)


def kind_of_cache(cache: Any) -> str | None:
    """Return ``dynamic``, ``static`` or ``quantized`` for a cache of keys and values of Transformers; None for another.

    It is that of its layers, by the names of their classes and of those that they are derived from.
    """
    own = getattr(cache, "self_attention_cache", cache)  # an encoder-decoder has another for what it reads
    if not isinstance(own, Cache):
        return None
    classes = [base for part in [*getattr(own, "layers", ()), own] for base in type(part).__mro__]
    return next((kind for base in classes for kind in _KINDS if kind in base.__name__.lower()), None)
