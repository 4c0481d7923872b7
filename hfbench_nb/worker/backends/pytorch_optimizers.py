"""PyTorch: the optimizers of a training step, and their state."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

# The smallest that still changes weights: the work is the same with any, and thousands of steps must not diverge.
_LEARNING_RATE = 1e-6


@dataclass(frozen=True)
class _Kind:
    """A class of optimizers, the package to install if its module is missing, and the arguments to make one with."""

    module: str
    name: str
    package: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


_KINDS = {
    "sgd": _Kind("torch.optim", "SGD"),
    "adamw": _Kind("torch.optim", "AdamW"),
    "adamw_fused": _Kind("torch.optim", "AdamW", arguments={"fused": True}),
    # With a given learning rate, as Transformers' Trainer does.
    "adafactor": _Kind(
        "transformers.optimization", "Adafactor", arguments={"scale_parameter": False, "relative_step": False}
    ),
    "adamw_8bit": _Kind("bitsandbytes.optim", "AdamW8bit", "bitsandbytes"),
}
"""Each value of the argument `optimizer` but ``none``; what is not given has the default of the class."""


def import_optimizer(name: str) -> Callable[..., torch.optim.Optimizer] | None:
    """Import the class of an optimizer; None for ``none``.

    Raises
    ------
    NotImplementedError
        If it cannot be imported.
    """
    if name == "none":
        return None
    kind = _KINDS[name]
    try:
        found: Callable[..., torch.optim.Optimizer] = getattr(importlib.import_module(kind.module), kind.name)
    except Exception as error:  # a library that loads others may raise anything
        package = kind.package or kind.module
        raise NotImplementedError(
            f"optimizer={name!r} needs {package}, which the worker cannot import ({error}): pip install {package}, or "
            "give another environment by python= or overlay="
        ) from error
    return partial(found, lr=_LEARNING_RATE, **kind.arguments)


def make_optimizer(name: str, model: torch.nn.Module) -> torch.optim.Optimizer | None:
    """Return an optimizer of the parameters that are trained, with its state; None for ``none``.

    Raises
    ------
    NotImplementedError
        If it cannot be used here; the message says why.
    """
    make = import_optimizer(name)
    if make is None:
        return None
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        optimizer = make(trained)
        _make_state(optimizer, trained)
    except (NotImplementedError, torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        if "can't allocate memory" in str(error):
            raise
        raise NotImplementedError(f"optimizer={name!r} cannot be used for this model here: {error}") from error
    return optimizer


def _make_state(optimizer: torch.optim.Optimizer, parameters: Iterable[torch.nn.Parameter]) -> None:
    """Let an optimizer allocate its state, which it does in its first step, and leave the weights as they are.

    Notes
    -----
    By a step with gradients of zero at a learning rate of zero, as `torch.distributed.checkpoint.state_dict` does
    before it loads a state.
    """
    rates = [group["lr"] for group in optimizer.param_groups]
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


def drop_unused_state(optimizer: torch.optim.Optimizer) -> None:
    """Drop the state of parameters that have no gradient after a backward pass: a real first step makes none."""
    for parameter in list(optimizer.state):
        if parameter.grad is None:
            del optimizer.state[parameter]


def state_bytes(optimizer: torch.optim.Optimizer | None) -> int:
    """Return the size of an optimizer's state, bytes."""
    states = () if optimizer is None else optimizer.state.values()
    return bytes_of(value for state in states for value in state.values() if isinstance(value, torch.Tensor))


def gradient_bytes(model: torch.nn.Module) -> int:
    """Return the size of the gradients that a model has now, bytes."""
    return bytes_of(parameter.grad for parameter in model.parameters() if parameter.grad is not None)


def bytes_of(tensors: Iterable[Any]) -> int:
    """Return the size of what tensors store, bytes; what several share counts once."""
    storages = (tensor.untyped_storage() for tensor in tensors if tensor.layout is torch.strided)
    return sum({storage._cdata: storage.nbytes() for storage in storages}.values())
