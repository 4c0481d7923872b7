"""Models that the user's own functions build, and the user's own inputs and losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hfbench_nb.arguments.callables import check_function, name_of, pickle_functions, takes
from hfbench_nb.configurations.fingerprints import fingerprint
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.request import ModelSpec, OwnCode

Function = Callable[..., Any]

_INPUTS = "a function of a batch size and a sequence length that returns a dictionary of tensors"
_LOSS = "a function of the model's outputs that returns a scalar tensor"


def is_factory(config: object) -> bool:
    """Return whether an item of `configs` is a function that builds a model, and no configuration."""
    return callable(config) and not hasattr(config, "to_dict")


def names_of(configs: object) -> list[str]:
    """Return the names of factories, for a run whose arguments name no models.

    Raises
    ------
    ArgumentError
        If they are in no list, or two have the same name.
    """
    if is_factory(configs):
        raise wrong_value("configs", configs, "a list, as in configs=[function]")
    items = list(configs) if isinstance(configs, list | tuple) else []
    if not items or not all(map(is_factory, items)):
        return []
    names = [name_of(each) for each in items]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ArgumentError(
            f"configs: two factories are called {twice!r}: name each of them by models=[...].", "configs", "models"
        )
    return names


def check_factory(name: str, factory: Any) -> None:
    """Raise unless a function can be called to build a model.

    Raises
    ------
    ArgumentError
        If it is a model, or needs arguments.
    """
    parameter = f"configs (for {name!r})"
    if any(each.__module__.startswith("torch.nn.") for each in type(factory).__mro__):
        raise wrong_value(
            parameter, factory, "a function that builds the model, in the worker: a model itself is not sent there"
        )
    check_function(parameter, factory)
    if not takes(factory, 0):
        raise wrong_value(parameter, factory, "a configuration, or a function without arguments that returns a model")


def with_code(
    specs: Sequence[ModelSpec], configs: Sequence[Any] | None, inputs: object = None, loss: object = None
) -> list[ModelSpec]:
    """Return models with the user's own functions: factories, inputs and losses.

    Parameters
    ----------
    specs
        The models.
    configs
        Their configurations or factories, in the same order; None if there are neither.
    inputs, loss
        A function for every model, or a list with one per model, None for those that need none.

    Raises
    ------
    ArgumentError
        If a function cannot be used, or cannot be sent to a worker.
    """
    made = _one_per_model("inputs", inputs, 2, _INPUTS, len(specs))
    losses = _one_per_model("loss", loss, 1, _LOSS, len(specs))
    factories = [each if is_factory(each) else None for each in configs or [None] * len(specs)]
    return [
        replace(spec, code=_code(spec.name, {"factory": factory, "inputs": make, "loss": minimised}))
        for spec, factory, make, minimised in zip(specs, factories, made, losses, strict=True)
    ]


def _one_per_model(parameter: str, value: Any, count: int, allowed: str, models: int) -> list[Function | None]:
    several = list(value) if isinstance(value, list | tuple) else [value] * models
    if len(several) != models:
        raise ArgumentError(
            f"{parameter} has {len(several)} functions and models has {models} names: there must be one function for "
            "each name, or a single one for all.",
            parameter,
        )
    for each in several:
        if each is None:
            continue
        if not callable(each) or not takes(each, count):
            raise wrong_value(parameter, each, f"{allowed}, a list of such functions, or None")
        check_function(parameter, each)
    return several


def _code(name: str, functions: dict[str, Function | None]) -> OwnCode | None:
    given = {what: function for what, function in functions.items() if function is not None}
    if not given:
        return None
    parameter = {"factory": "configs"}.get(first := next(iter(given)), first)
    pickled = pickle_functions(
        f"{parameter} (for {name!r})" if parameter == "configs" else parameter,
        given[first],
        tuple(functions.values()),
        "Create inside the function what cannot be sent.",
    )
    fingerprints = {what: fingerprint(function) for what, function in given.items()}
    return OwnCode(pickled, str(Path.cwd()), "factory" in given, fingerprints)
