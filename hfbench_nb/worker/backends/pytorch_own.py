"""PyTorch: models, inputs and losses that functions of the user's return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from transformers import PretrainedConfig

from hfbench_nb.worker.backends.base import CallInputs, OwnCodeError

_HALF = (torch.float16, torch.bfloat16)
_INPUTS_ARE = "inputs= must return a dictionary of tensors, the arguments of the forward pass by name"


def build(make: Callable[[], object], dtype: torch.dtype, device: torch.device, seed: int) -> torch.nn.Module:
    """Return the model that a function returns, on the device and with weights of a data type.

    What the function creates has this data type by default.  A model that comes with another one is converted to half
    precision where that is asked for; 32 bits are the default of the argument, and would undo the function's choice.

    Raises
    ------
    OwnCodeError
        If it returns something else, or a model that cannot be measured as asked for.
    """
    with _defaults(dtype, seed):
        model = make()
    if not isinstance(model, torch.nn.Module):
        raise OwnCodeError(f"the factory returned {_kind(model)}: it must return a torch.nn.Module")
    tensors = [*model.parameters(), *model.buffers()]
    if any(map(is_lazy, tensors)):
        raise OwnCodeError("the factory returned a model with lazy modules: it must call the model once")
    if any(tensor.is_meta for tensor in tensors):
        raise OwnCodeError("the factory returned a model on the meta device: its weights must have memory")
    if any(tensor.device != device for tensor in tensors):
        model.to(device)
    built = _main_dtype(model)
    if built in (None, dtype):
        return model
    if dtype not in _HALF:
        raise OwnCodeError(
            f"the factory built its weights in {_name(built)} and dtype={_name(dtype)!r} was asked for: give "
            f"dtype={_name(built)!r}, or let the factory use torch.get_default_dtype()"
        )
    return model.to(dtype)


@contextmanager
def _defaults(dtype: torch.dtype, seed: int) -> Iterator[None]:
    """Set PyTorch's default data type and seed for the user's function, and put them back."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_default_dtype(before)


def _main_dtype(model: torch.nn.Module) -> torch.dtype | None:
    """Return the data type of most of a model's floating-point parameters; None if there are none."""
    numbers: dict[torch.dtype, int] = {}
    for parameter in model.parameters():
        if parameter.is_floating_point():
            numbers[parameter.dtype] = numbers.get(parameter.dtype, 0) + parameter.numel()
    return max(numbers, key=lambda dtype: numbers[dtype], default=None)


def check_inputs_can_be_made(model: torch.nn.Module) -> None:
    """Raise unless a model has a configuration, from which inputs are made.

    Raises
    ------
    OwnCodeError
        If it is not a model of Transformers.
    """
    if not isinstance(getattr(model, "config", None), PretrainedConfig):
        raise OwnCodeError(
            f"{type(model).__name__} has no configuration from which inputs could be made: give inputs=, a function "
            "(batch_size, sequence_length) that returns a dictionary of tensors"
        )


def take_inputs(make: Callable[[], object], model: torch.nn.Module, device: torch.device, seed: int) -> CallInputs:
    """Put what a function returns on the device; floating-point numbers get the weights' data type.

    Raises
    ------
    OwnCodeError
        If it is not a dictionary of tensors.
    """
    dtype = _main_dtype(model)
    with _defaults(torch.get_default_dtype(), seed):
        made = make()
    if not isinstance(made, Mapping) or not all(isinstance(name, str) for name in made):
        raise OwnCodeError(f"inputs returned {_kind(made)}: {_INPUTS_ARE}")
    tensors = {name: _placed(name, value, dtype, device) for name, value in made.items()}
    shapes = {name: list(value.shape) for name, value in tensors.items() if isinstance(value, torch.Tensor)}
    if not shapes:
        raise OwnCodeError(f"inputs returned a dictionary without a tensor: {_INPUTS_ARE}")
    return CallInputs(tensors, details={"inputs": shapes}, loss=_returned_loss)


def _placed(name: str, value: Any, dtype: torch.dtype | None, device: torch.device) -> Any:
    """Return an input on the device; flags stay as they are, and what is in lists and dictionaries is placed too."""
    if isinstance(value, torch.Tensor):
        return value.to(device, dtype if dtype is not None and value.is_floating_point() else value.dtype)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return type(value)([_placed(name, each, dtype, device) for each in value])
    if isinstance(value, dict):
        return {key: _placed(name, each, dtype, device) for key, each in value.items()}
    raise OwnCodeError(f"inputs returned {_kind(value)} for {name!r}: {_INPUTS_ARE}")


def _returned_loss(outputs: Any) -> Any:
    """Return the loss that a model returns: an output of this name, or its only output."""
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else getattr(outputs, "loss", None)
    return outputs if loss is None else loss


def checked_loss(loss: Callable[[Any], Any]) -> Callable[[Any], torch.Tensor]:
    """Return a function that checks what a loss returns, at each call: a fraction of a microsecond.

    Raises
    ------
    OwnCodeError
        By the function, if there is no loss to minimise.
    """
    source = "the model returned" if loss is _returned_loss else "loss returned"
    advice = "training needs a scalar tensor: return an output with .loss or a scalar from the model, or give loss=, a "
    advice += "function of its outputs"

    def check(outputs: Any) -> torch.Tensor:
        minimised = loss(outputs)
        if not isinstance(minimised, torch.Tensor) or minimised.numel() != 1:
            raise OwnCodeError(f"{source} {_kind(minimised)}; {advice}")
        if not minimised.requires_grad:
            raise OwnCodeError(f"{source} a loss without gradient: it must be computed from weights that require one")
        return minimised

    return check


def _kind(value: object) -> str:
    """Describe an unsuitable value."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _name(dtype: torch.dtype | None) -> str:
    return str(dtype).removeprefix("torch.")
