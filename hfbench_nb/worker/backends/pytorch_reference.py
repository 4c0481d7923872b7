"""The reference piece of work in PyTorch; see `hfbench_nb.worker.reference`."""

from __future__ import annotations

from collections.abc import Callable

import torch

from hfbench_nb.worker.reference import ON_CPU, ON_GPU


def make_reference(device: torch.device, synchronize: Callable[[], object] | None) -> Callable[[], object]:
    """Return the work, which has ended when the call returns.

    Parameters
    ----------
    device
        Where it is done.
    synchronize
        Waits for the device; None for a CPU.
    """
    rows, copied_bytes = ON_CPU if device.type == "cpu" else ON_GPU
    matrix = torch.full((rows, rows), 0.5, device=device)
    product = torch.empty_like(matrix)
    source = torch.zeros(copied_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def work() -> None:
        with torch.inference_mode():
            torch.mm(matrix, matrix, out=product)
            target.copy_(source)
        if synchronize is not None:
            synchronize()

    return work
