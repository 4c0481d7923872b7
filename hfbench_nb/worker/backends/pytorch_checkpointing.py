"""PyTorch: gradient checkpointing, by the method of Transformers' models, and whether it does anything."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.worker.backends.pytorch_majors import enable_checkpointing

# The attribute of a module that holds the function by which it computes its layers, or itself, again.
_FUNCTION = "_gradient_checkpointing_func"


class Checkpointing:
    """Gradient checkpointing of one model, switched on.

    Parameters
    ----------
    model
        The model.
    forward
        Runs its forward pass with gradients.

    Attributes
    ----------
    saved_bytes
        What a forward pass keeps for the backward pass without checkpointing, bytes.
    """

    def __init__(self, model: torch.nn.Module, forward: Callable[[], object]) -> None:
        self._name = type(model).__name__
        self._layers = 0
        self.saved_bytes = saved_for_backward_bytes(model, forward)
        if enable_checkpointing(model):
            for module in model.modules():
                if hasattr(module, _FUNCTION):
                    setattr(module, _FUNCTION, self._counting(getattr(module, _FUNCTION)))

    def _counting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._layers += 1
            return function(*args, **kwargs)

        return counted

    def notes(self, gradients_bytes: int, *, accumulates: bool) -> list[str]:
        """Tell whether checkpointing has done nothing, or could save nothing, once the model has been called.

        Parameters
        ----------
        gradients_bytes
            Size of all gradients.
        accumulates
            Whether gradients of another micro-batch are there while activations are.
        """
        if not self._layers:
            return [f"gradient_checkpointing does nothing: {self._name} checkpoints no layer"]
        if not accumulates and self.saved_bytes <= gradients_bytes:
            return [
                "gradient_checkpointing saves nothing here: without it, the forward pass keeps "
                f"{self.saved_bytes / MEGABYTE:,.1f} MB, which are released before all of the "
                f"{gradients_bytes / MEGABYTE:,.1f} MB of gradients are there"
            ]
        return []


def saved_for_backward_bytes(model: torch.nn.Module, forward: Callable[[], object]) -> int:
    """Return the bytes that a forward pass keeps for the backward pass, weights and buffers aside.

    Nothing is kept meanwhile: this takes no more memory than a forward pass without gradients.
    """
    own = {tensor.untyped_storage()._cdata for tensor in [*model.parameters(), *model.buffers()]}
    # Its reference keeps a storage's address from being used again once its memory is released.
    seen: dict[int, tuple[StorageWeakRef, int]] = {}

    def drop(tensor: torch.Tensor) -> None:
        if tensor.layout is torch.strided and not is_wrapper(tensor):
            storage = tensor.untyped_storage()
            seen.setdefault(storage._cdata, (StorageWeakRef(storage), storage.nbytes()))  # type: ignore[no-untyped-call]

    with _saving(drop):
        forward()
    return sum(size for address, (_, size) in seen.items() if address not in own)


def is_wrapper(tensor: torch.Tensor) -> bool:
    """Return whether a tensor stores nothing itself."""
    return type(tensor) not in (torch.Tensor, torch.nn.Parameter)


@contextlib.contextmanager
def _saving(drop: Callable[[torch.Tensor], None]) -> Iterator[None]:
    def never(_: None) -> torch.Tensor:
        raise RuntimeError("there is no backward pass of this forward pass")

    with torch.autograd.graph.saved_tensors_hooks(drop, never):
        yield
