"""The reference piece of work in PyTorch; see `hfbench_nb.worker.reference`."""

from __future__ import annotations

from collections.abc import Callable

import torch

# Rows of the square matrices, and bytes that are copied: about a millisecond each on a core; less on a GPU.
_ROWS = {"cpu": 256, "other": 2048}
_COPIED_BYTES = {"cpu": 4 << 20, "other": 64 << 20}


def make_reference(device: torch.device, synchronize: Callable[[], object] | None) -> Callable[[], object]:
    """Return the work, which has ended when the call returns.

    Parameters
    ----------
    device
        Where it is done.
    synchronize
        Waits for the device; None for a CPU.
    """
    kind = "cpu" if device.type == "cpu" else "other"
    matrix = torch.full((_ROWS[kind], _ROWS[kind]), 0.5, device=device)
    product = torch.empty_like(matrix)
    source = torch.zeros(_COPIED_BYTES[kind], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def work() -> None:
        with torch.inference_mode():
            torch.mm(matrix, matrix, out=product)
            target.copy_(source)
        if synchronize is not None:
            synchronize()

    return work
