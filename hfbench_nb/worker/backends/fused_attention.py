"""PyTorch: attention as fused kernels do it, for tensors without memory.

Without a device, PyTorch would compute attention by separate products, which read, write and keep all scores.  So it
does on a CPU, too, with dropout or under some masks, where kernels of GPUs keep only one number per query.
"""

from __future__ import annotations

import math

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


def follow_attention_on_cpu(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Follow ``torch.nn.functional.scaled_dot_product_attention`` as its kernel for CPUs computes it."""
    if attn_mask is not None and attn_mask.dtype is torch.bool:
        attn_mask = torch.where(attn_mask, torch.zeros((), dtype=query.dtype, device=query.device), -math.inf)
    found: tuple[torch.Tensor, ...] = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, dropout_p, is_causal, attn_mask=attn_mask, scale=scale
    )
    return found[0]


FUSED = {
    "flash (CPU)": follow_attention_on_cpu,
    **dict.fromkeys(("flash", "memory-efficient", "cuDNN"), follow_attention),
}
"""What follows attention where a kernel computes it, by the name of the kernel in the details of a measurement."""


def _repeated(heads: torch.Tensor, number: int) -> torch.Tensor:
    """Return each head of keys or values as often as heads of queries share it."""
    return heads.repeat_interleave(number // heads.size(-3), dim=-3)
