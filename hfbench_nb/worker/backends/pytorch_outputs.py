"""PyTorch: the tensors that a model returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch


def floating_tensors(outputs: Any) -> Iterator[torch.Tensor]:
    """Yield the floating-point tensors in a model's outputs, in order, those in nested outputs included."""
    if isinstance(outputs, torch.Tensor):
        if outputs.is_floating_point():
            yield outputs
    elif hasattr(outputs, "values") or isinstance(outputs, tuple | list):
        for value in outputs.values() if hasattr(outputs, "values") else outputs:
            yield from floating_tensors(value)
