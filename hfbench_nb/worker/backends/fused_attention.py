"""PyTorch: attention as fused kernels of GPUs do it, for tensors without memory.

On a CPU, PyTorch computes attention with dropout, or under some masks, by separate products, and keeps the scores for
the backward pass.  Kernels of GPUs keep only one number per query.
"""

from __future__ import annotations

import torch


def follow_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Follow ``torch.nn.functional.scaled_dot_product_attention`` as its memory-efficient kernel needs memory."""
    bias = None
    if attn_mask is not None:
        bias = attn_mask
        if attn_mask.dtype is torch.bool:
            bias = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill_(attn_mask, 0.0)
        bias = bias.expand(*query.shape[:-1], key.size(-2))
    keeps = torch.is_grad_enabled() and any(each.requires_grad for each in (query, key, value))
    if keeps and enable_gqa and key.size(-3) != query.size(-3):
        # Kernels read a head of keys and values for several of queries; their gradients are first those of each.
        key, value = (_repeated(each, query.size(-3)) for each in (key, value))
    found: tuple[torch.Tensor, ...] = torch.ops.aten._scaled_dot_product_efficient_attention(
        query, key, value, bias, keeps, dropout_p, is_causal, scale=scale
    )
    return found[0]


def _repeated(heads: torch.Tensor, number: int) -> torch.Tensor:
    """Return each head of keys or values as often as heads of queries share it."""
    return heads.repeat_interleave(number // heads.size(-3), dim=-3)
