"""PyTorch: what the weights of a model take in memory, and seeing to it that they are there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from hfbench_nb.worker import pages

_PARTS_OF_SPARSE = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
}

Span = tuple[int, int]
"""Address of the first byte, and the address after the last one."""


@dataclass(frozen=True)
class StoredTensors:
    """Where the tensors of a model are, each place once.

    Attributes
    ----------
    weights
        Parameters and persistent buffers: what a checkpoint would store.
    others
        Buffers that no checkpoint stores.
    """

    weights: list[Span]
    others: list[Span]

    @classmethod
    def of(cls, model: torch.nn.Module) -> StoredTensors:
        """Find the tensors of a model."""
        stored = model.state_dict()
        buffers = dict(model.named_buffers())
        saved = [*model.parameters(), *(buffer for name, buffer in buffers.items() if name in stored)]
        weights = _merged(span for tensor in saved for span in _spans(tensor))
        others = _merged(span for name, buffer in buffers.items() if name not in stored for span in _spans(buffer))
        return cls(weights, others)

    @property
    def weights_bytes(self) -> int:
        """Size of the weights, bytes."""
        return sum(end - start for start, end in self.weights)

    @property
    def others_bytes(self) -> int:
        """Size of the other buffers, bytes."""
        return sum(end - start for start, end in self.others)

    def make_resident(self) -> None:
        """Touch every page of tensors on the host: pages of a file that is mapped are read when they are first used."""
        pages.make_resident(_merged([*self.weights, *self.others]))


def count_parameters(model: torch.nn.Module) -> int:
    """Return the number of parameters of a model, shared ones counted once."""
    return sum(parameter.numel() for parameter in model.parameters())


def _spans(tensor: torch.Tensor) -> list[Span]:
    """Return where a tensor's numbers are; several places for quantised and sparse ones."""
    if is_traceable_wrapper_subclass(tensor):
        names = tensor.__tensor_flatten__()[0]
        return [span for name in names for span in _spans(getattr(tensor, name))]
    if tensor.layout in _PARTS_OF_SPARSE:
        parts = [getattr(tensor.detach(), name)() for name in _PARTS_OF_SPARSE[tensor.layout]]
        return [span for part in parts for span in _spans(part)]
    if tensor.numel() == 0:
        return []
    reach = sum((size - 1) * abs(stride) for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return [(tensor.data_ptr(), tensor.data_ptr() + (reach + 1) * tensor.element_size())]


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return the union of spans in ascending order: tied weights are stored once."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
