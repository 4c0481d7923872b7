"""A model that needs more memory with each example.  Workers import it: it imports PyTorch alone."""

from __future__ import annotations

import torch

BLOCK = 4 << 20


class Growing(torch.nn.Module):
    """Needs four megabytes for each example of the batch, of which an estimate knows nothing."""

    def __init__(self, fails_from: int | None = None, error: type[Exception] = ValueError) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.fails_from, self.error = fails_from, error

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.fails_from is not None and len(x) >= self.fails_from:
            raise self.error(f"{len(x)} examples")
        block = b"x" * (len(x) * BLOCK)
        return x * self.scale * len(block)


def inputs(batch_size: int, sequence_length: int) -> dict[str, torch.Tensor]:
    return {"x": torch.ones(batch_size, 1)}
