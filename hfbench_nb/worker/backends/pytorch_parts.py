"""PyTorch: what the parts of a model make of an input, and which of them receive none."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook


def count_features(model: torch.nn.Module, what: str, tensors: dict[str, torch.Tensor]) -> int | None:
    """Return how many vectors a model makes of what it is given, or None if it has no method that tells.

    Parameters
    ----------
    what
        ``image``, ``video`` or ``audio``.
    tensors
        Arguments of the forward pass that carry it, of one example.
    """
    names = (f"get_{what}_features", f"get_{what}_embeds")
    for module, name in itertools.product(model.modules(), names):
        accepted = inspect.signature(getattr(module, name)).parameters if hasattr(module, name) else ()
        given = {name: tensor for name, tensor in tensors.items() if name in accepted}
        if given:
            return _vectors(_evaluated(model, getattr(module, name), given))
    return None


def _evaluated(model: torch.nn.Module, method: Callable[..., Any], given: dict[str, torch.Tensor]) -> Any:
    """Call a method of a model in evaluation mode, so that nothing in the model changes, and without gradients."""
    was_training = model.training
    model.train(False)
    try:
        with torch.no_grad():
            return method(**given)
    finally:
        model.train(was_training)


def _vectors(found: Any) -> int:
    """Return the number of vectors in what a method returned: a tensor, a list of one per example, or a record."""
    if isinstance(found, torch.Tensor):
        return found.numel() // found.shape[-1]
    if hasattr(found, "to_tuple"):
        pooled = getattr(found, "pooler_output", None)
        return _vectors(found.to_tuple()[0] if pooled is None else pooled)
    return _vectors(found[0])  # of the first example; followed by what else the model needs


class PartsWatch:
    """Which parts of a model run."""

    def __init__(self) -> None:
        self._model: torch.nn.Module | None = None
        self._ran: set[int] = set()

    def begin(self, model: torch.nn.Module) -> None:
        """Forget what has run; only from now on it counts."""
        self._model = model
        self._ran.clear()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take note of each module that is called."""
        # One hook for all modules, which tracing does not see, instead of one for each.
        handle = register_module_forward_pre_hook(lambda module, arguments: self._ran.add(id(module)))
        try:
            yield
        finally:
            handle.remove()

    def notes(self) -> list[str]:
        """Tell which of the outermost parts of the model have not run, if any of it has.

        Parts are modules that consist of others and have parameters.  Lists of layers and what is in them do not count:
        a model may choose among its layers and experts.
        """
        if self._model is None or id(self._model) not in self._ran:
            return []
        idle = list(self._idle(self._model, ""))
        return [f"parts of the model that did not run: {', '.join(idle)}"] if idle else []

    def _idle(self, module: torch.nn.Module, prefix: str) -> Iterator[str]:
        for name, part in module.named_children():
            is_list = isinstance(part, torch.nn.ModuleList | torch.nn.ModuleDict)
            if is_list or not list(part.children()) or next(part.parameters(), None) is None:
                continue
            if not any(id(inner) in self._ran for inner in part.modules()):
                yield prefix + name
            else:
                yield from self._idle(part, f"{prefix}{name}.")
