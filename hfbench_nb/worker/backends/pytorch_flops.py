"""PyTorch: how many operations an operator computes: `torch.utils.flop_counter`, and what that does not know."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import flop_registry

Formula = Callable[..., int]


def _named(*names: str) -> list[Any]:
    """Return those operators that this version of PyTorch has, of names such as ``aten.mv``."""
    found = []
    for name in names:
        space, _, operator = name.partition(".")
        packet = getattr(getattr(torch.ops, space), operator, None)
        if packet is not None:
            found.append(packet)
    return found


def _inner(out: torch.Tensor, length: int) -> int:
    """Return the operations of products of rows and columns of a length, one per element of the output."""
    return 2 * out.numel() * length


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any, **kwargs: Any) -> int:
    return _pairs(query, key) * 2 * (query.shape[-1] + value.shape[-1])


def _attention_backward(grad: torch.Tensor, query: torch.Tensor, key: torch.Tensor, *args: Any, **kwargs: Any) -> int:
    # The scores again; the gradients of values, weights, queries and keys.  Values are as wide as the output.
    return _pairs(query, key) * 2 * (3 * query.shape[-1] + 2 * grad.shape[-1])


def _pairs(query: torch.Tensor, key: torch.Tensor) -> int:
    """Return how many scores there are: of each query with each key."""
    return math.prod(query.shape[:-1]) * key.shape[-2]


def _linear(given: torch.Tensor, *args: Any, out_val: torch.Tensor, **kwargs: Any) -> int:
    return _inner(out_val, given.shape[-1])


def _grouped(given: torch.Tensor, weights: torch.Tensor, *args: Any, out_val: torch.Tensor, **kwargs: Any) -> int:
    """Return the operations of products of groups of rows with a matrix each, or of groups along what is summed."""
    if given.dim() == 2 and weights.dim() == 2:
        return 2 * given.shape[0] * given.shape[1] * weights.shape[1]
    return _inner(out_val, given.shape[-1])


# Products whose first argument's rows, or whose first argument, are summed over.
_PRODUCTS = (
    "aten.mv", "aten.dot", "aten._int_mm", "aten._weight_int8pack_mm", "aten._weight_int4pack_mm",
    "aten._weight_int4pack_mm_for_cpu", "quantized.linear_dynamic", "quantized.linear_relu_dynamic",
    "mkldnn._linear_pointwise", "onednn.qlinear_pointwise",
)  # fmt: skip

# Fused attention.  Those that torch.utils.flop_counter knows, it knows without grouped heads of keys and values.
_FUSED = tuple(
    f"aten._scaled_dot_product_{name}"
    for name in (
        "flash_attention_for_cpu", "flash_attention", "efficient_attention", "cudnn_attention",
        "fused_attention_overrideable",
    )
)  # fmt: skip

_FORMULAS: dict[Any, Formula] = {
    **dict.fromkeys(_named(*_FUSED), _attention),
    **dict.fromkeys(_named(*(f"{name}_backward" for name in _FUSED)), _attention_backward),
    **dict.fromkeys(_named(*_PRODUCTS), _linear),
    **dict.fromkeys(_named("aten._grouped_mm"), _grouped),
}

GATHERING = {*_named("aten.embedding", "aten.index_select", "aten.gather", "aten.index")}
"""Operators that read only some rows of their arguments."""


def formula_of(packet: Any) -> Formula | None:
    """Return what computes the number of an operator's operations from its arguments and its result, if it has any."""
    return _FORMULAS.get(packet) or flop_registry.get(packet)
