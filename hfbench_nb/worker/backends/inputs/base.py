"""What inputs are made for, and the registry of the functions that make them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True)
class Inputs:
    """The inputs of a forward pass.

    Attributes
    ----------
    arrays
        Arguments of the forward pass, by name: 64-bit integers or 32-bit floating-point numbers.
    notes
        What a user should know about them, such as what the sequence length means where it is not that of a text.
    """

    arrays: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()

    @property
    def shapes(self) -> dict[str, list[int]]:
        """Shapes of the arrays, by name."""
        return {name: list(array.shape) for name, array in self.arrays.items()}


@dataclass(frozen=True)
class Ask:
    """What inputs are made for, and what was made and noted on the way.

    Attributes
    ----------
    names
        The arguments to make.
    arrays
        Those made so far.
    """

    model: Any
    batch_size: int
    length: int
    generator: Generator
    names: tuple[str, ...] = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def config(self) -> Any:
        """The configuration of the whole model."""
        return self.model.config

    def part(self, name: str) -> Any:
        """Return the configuration of a part of the model, or of the whole model if it has no such part."""
        return getattr(self.config, name, None) or self.config

    def noise(self, *shape: int) -> np.ndarray:
        """Draw normal random numbers, shape ``(batch size, *shape)``."""
        return self.generator.standard_normal((self.batch_size, *shape), np.float32)


Maker = Callable[[Ask], np.ndarray]
Wanted = Callable[[Any], bool]


@dataclass(frozen=True)
class Kind:
    """How an input is made, and whether a model is given it although its forward pass does not require it."""

    make: Maker
    wanted: Wanted


KINDS: dict[str, Kind] = {}


def makes(name: str, *, wanted: Wanted = lambda model: False) -> Callable[[Maker], Maker]:
    """Register the function that makes an argument of the forward pass.

    Parameters
    ----------
    name
        The argument.
    wanted
        Whether a model is given the argument although its forward pass does not require it.
    """

    def register(make: Maker) -> Maker:
        KINDS[name] = Kind(make, wanted)
        return make

    return register


def forward_arguments(model: Any) -> Mapping[str, inspect.Parameter]:
    """Return the arguments of a model's forward pass, which PyTorch calls ``forward`` and Keras ``call``."""
    return inspect.signature(model.forward if hasattr(model, "forward") else model.call).parameters


def first(config: Any, *names: str) -> Any:
    """Return the first attribute of a configuration that is there and not None, or None."""
    return next((value for name in names if (value := getattr(config, name, None)) is not None), None)


def placeholders(config: Any) -> dict[str, int]:
    """Return the ids of the tokens that stand for something other than text, by what they stand for."""
    found = {"image": first(config, "image_token_id", "image_token_index")}
    return {what: token for what, token in found.items() if token is not None}
