"""PyTorch: the results of operations on meta tensors, remembered, since the layers of a model repeat them.

PyTorch derives the shapes of many results in Python, in a tenth of a millisecond each or more.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import torch

_PLAIN_CLASSES = (torch.Tensor, torch.nn.Parameter)


def description_of(func: Any, args: Any, kwargs: Any) -> Hashable | None:
    """Return everything that the shapes of an operation's results depend on, or None where more could matter.

    More matters with tensors that have memory, since an operation may read their numbers, with classes of tensors that
    dispatch by themselves, and with tensors that more than shape, strides and type tell apart, such as sparse ones.
    """
    if not isinstance(func, torch._ops.OpOverload):
        return None
    try:
        description = func, _describe(args), _describe(kwargs), torch.get_default_dtype()
        hash(description)
    except (TypeError, RuntimeError):  # RuntimeError: a nested tensor, which has no shape
        return None
    return description


def _describe(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        if type(value) not in _PLAIN_CLASSES or not _is_plain(value):
            raise TypeError(type(value))
        return value.dtype, value.shape, value.stride()
    if isinstance(value, list | tuple):
        return type(value), *map(_describe, value)
    if isinstance(value, dict):
        return tuple((name, _describe(each)) for name, each in value.items())
    return type(value), value  # 1 and 1.0 are equal, and give results of different types


def _is_plain(tensor: torch.Tensor) -> bool:
    """Return whether shape, strides and type are all that there is to know of a tensor."""
    has_flags = tensor.is_quantized or tensor.is_conj() or tensor.is_neg() or tensor._is_zerotensor()
    return tensor.is_meta and tensor.layout is torch.strided and not has_flags


class NewTensors:
    """The shapes of tensors that an operation has made, from which such tensors are made again."""

    def __init__(self, out: Any) -> None:
        self._kind = type(out)
        self._shapes = [(each.shape, each.stride(), each.dtype) for each in tensors_in(out)]

    @classmethod
    def of(cls, out: Any, given: list[torch.Tensor]) -> NewTensors | None:
        """Return the shapes of the results of an operation; None if they are no new tensors, such as views."""
        each = [out] if isinstance(out, torch.Tensor) else out
        if not isinstance(each, list | tuple) or not each or not all(type(one) is torch.Tensor for one in each):
            return None
        if not all(map(_is_plain, each)):
            return None
        memory = {storage_of(one) for one in each}
        if len(memory) < len(each) or memory & {storage_of(one) for one in given}:
            return None
        return cls(out)

    def make(self) -> Any:
        """Return new tensors like them."""
        made = [torch.empty_strided(size, stride, dtype=dtype, device="meta") for size, stride, dtype in self._shapes]
        return made[0] if self._kind is torch.Tensor else self._kind(made)


def tensors_in(values: Any) -> list[torch.Tensor]:
    """Return the tensors in nested lists, tuples and dictionaries, such as an operation's arguments and results."""
    return [*_walk(values)]


def _walk(values: Any) -> Iterator[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _walk(value)
    elif isinstance(values, dict):
        for value in values.values():
            yield from _walk(value)


def storage_of(tensor: torch.Tensor) -> int:
    """Return a number that tensors have in common which share their memory, or would share it."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # a tensor of a class of its own
        return id(tensor)
