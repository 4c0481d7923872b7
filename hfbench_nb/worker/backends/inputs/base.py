"""What inputs are made for, and the registry of the functions that make them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator

Arrays = dict[str, np.ndarray]
CountFeatures = Callable[[str, Arrays], int | None]
"""Returns how many vectors a model makes of an ``image``, a ``video`` or an ``audio``, or None if it does not tell."""


def cannot_count(what: str, arrays: Arrays) -> None:
    """Return None: where nobody can ask the model."""


_PLACEHOLDERS = {what: (f"{what}_token_id", f"{what}_token_index") for what in ("image", "video", "audio")}
_RESERVED = re.compile(r"_token_(id|index|idx)$")
# Parts of configurations that name tokens of the text.
TEXT = re.compile(r"^(text|thinker|llm|vlm|language)_config$")


@dataclass(frozen=True)
class Inputs:
    """The inputs of a forward pass.

    Attributes
    ----------
    arrays
        Arguments of the forward pass, by name: 64-bit integers, 32-bit floating-point numbers, or booleans.
    notes
        What a user should know about them, such as what the sequence length means where it is not that of a text.
    """

    arrays: Arrays
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
    count_features
        Asks the model itself how many vectors it makes of something.
    arrays
        Those made so far.
    notes
        What a user should know of them.
    seen
        What the images and videos among them are, in words, by ``image`` and ``video``.
    about
        The notes that are about an ``image``, a ``video`` or an ``audio``.
    left_out
        Which of these are left out, since the model cannot be given them with its configuration.
    """

    model: Any
    batch_size: int
    length: int
    generator: Generator
    names: tuple[str, ...] = ()
    count_features: CountFeatures = cannot_count
    arrays: Arrays = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    about: dict[str, set[str]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)

    @property
    def config(self) -> Any:
        """The configuration of the whole model."""
        return self.model.config

    def noise(self, *shape: int) -> np.ndarray:
        """Draw normal random numbers, shape ``(batch size, *shape)``."""
        return self.generator.standard_normal((self.batch_size, *shape), np.float32)

    def ones(self, *shape: int) -> np.ndarray:
        """Return ones, as a mask that hides nothing has, shape ``(batch size, *shape)``."""
        return np.ones((self.batch_size, *shape), np.int64)

    def note(self, text: str, about: str = "") -> None:
        """Tell the user something, once."""
        if text not in self.notes:
            self.notes.append(text)
            self.about.setdefault(about, set()).add(text)

    def withdraw(self, what: str) -> None:
        """Take back what was told about something that is left out."""
        self.seen.pop(what, None)
        self.notes[:] = [text for text in self.notes if text not in self.about.get(what, ())]

    def unknown(self, what: str) -> NotImplementedError:
        """Return the error for something that the configuration does not tell."""
        return NotImplementedError(f"{type(self.model).__name__}: {what} cannot be derived from its configuration")


Maker = Callable[[Ask], np.ndarray]
Test = Callable[[Any], bool]


@dataclass(frozen=True)
class Kind:
    """A way to make an input; see `makes`."""

    make: Maker
    wanted: Test
    fits: Test | None
    late: bool


KINDS: dict[str, list[Kind]] = {}


def makes(
    name: str, *, wanted: Test = lambda model: False, fits: Test | None = None, late: bool = False
) -> Callable[[Maker], Maker]:
    """Register a function that makes an argument of the forward pass.

    Parameters
    ----------
    name
        The argument.
    wanted
        Whether a model is given the argument although its forward pass does not require it.
    fits
        For which models this is the way; None for the way that is taken where no other fits.
    late
        Whether it is made once the tokens that stand for images and audio have been put into the text.
    """

    def register(make: Maker) -> Maker:
        KINDS.setdefault(name, []).append(Kind(make, wanted, fits, late))
        return make

    return register


def kind_for(name: str, model: Any) -> Kind | None:
    """Return the way to make an argument for a model, or None if there is none."""
    kinds = KINDS.get(name, ())
    special = next((kind for kind in kinds if kind.fits is not None and kind.fits(model)), None)
    return special or next((kind for kind in kinds if kind.fits is None), None)


def forward_arguments(model: Any) -> Mapping[str, inspect.Parameter]:
    """Return the arguments of a model's forward pass, which PyTorch calls ``forward`` and Keras ``call``."""
    return inspect.signature(model.forward if hasattr(model, "forward") else model.call).parameters


def required_arguments(model: Any) -> list[str]:
    """Return the names of the arguments that a model's forward pass does not run without."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    arguments = forward_arguments(model).items()
    return [name for name, p in arguments if p.default is inspect.Parameter.empty and p.kind in kinds]


def takes(*names: str) -> Test:
    """Return a test of whether a model's forward pass has all of these arguments."""
    return lambda model: set(names) <= forward_arguments(model).keys()


def main_input(model: Any) -> str:
    """Return the name of the input that a model is mainly for.

    Text parts of some models of images name the images of the whole, which they do not take.
    """
    name = str(getattr(model, "main_input_name", "input_ids"))
    arguments = forward_arguments(model)
    return "input_ids" if name not in arguments and "input_ids" in arguments else name


def first(config: Any, *names: str) -> Any:
    """Return the first attribute of a configuration that is there and not None, or None."""
    return next((value for name in names if (value := getattr(config, name, None)) is not None), None)


def nested(config: Any, names: re.Pattern[str]) -> Iterator[Any]:
    """Yield the configurations of those parts of a model whose names match, those of their parts, and the model's."""
    yield from _inner(config, names)
    yield config


def _inner(config: Any, names: re.Pattern[str]) -> Iterator[Any]:
    for name, value in vars(config).items():
        if names.search(name) and hasattr(value, "to_dict"):
            yield value
            yield from _inner(value, names)


def lookup(config: Any, part_names: re.Pattern[str], *names: str) -> Any:
    """Return the first of some attributes in the configurations of parts of a model or of the whole one, or None."""
    found = (first(part, *names) for part in nested(config, part_names))
    return next((value for value in found if value is not None), None)


def placeholders(config: Any) -> dict[str, int]:
    """Return the ids of the tokens that stand for something other than text, by what they stand for."""
    found = {what: lookup(config, TEXT, *names) for what, names in _PLACEHOLDERS.items()}
    return {what: token for what, token in found.items() if isinstance(token, int)}


def unset_placeholders(config: Any) -> dict[str, str]:
    """Return the fields for such tokens that a configuration has but leaves empty, by what they stand for."""
    names = {what: next((name for name in names if hasattr(config, name)), "") for what, names in _PLACEHOLDERS.items()}
    return {what: name for what, name in names.items() if name and what not in placeholders(config)}


def reserved_ids(config: Any) -> set[int]:
    """Return the ids of tokens that a configuration names, each of which means something to the model."""
    return {
        value
        for part in nested(config, TEXT)
        for name, value in vars(part).items()
        if _RESERVED.search(name) and isinstance(value, int)
    }
