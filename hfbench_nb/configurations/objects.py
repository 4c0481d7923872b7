"""Configuration objects that the user gives, and what a worker needs to make the same again; loads no framework."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.model_kinds import CLASS_MAPPINGS
from hfbench_nb.protocol.request import ModelSpec

# What a configuration knows of its origin; models do not depend on it.
_ORIGIN = {"_commit_hash", "_name_or_path", "name_or_path", "transformers_version", "_auto_class"}
# What `to_dict` leaves out and a constructor takes, such as attn_implementation.
_CHOICE = re.compile(r"_(\w+_implementation)_internal")


def spec_of(name: str, config: Any) -> ModelSpec:
    """Return a model by its configuration object.

    A class of Transformers travels by its name, with the arguments of its constructor; where these do not give the
    same object, and for a class of the user's own, the object is pickled.

    Raises
    ------
    ArgumentError
        If it is no configuration, or cannot be pickled.
    """
    if isinstance(config, type) or not hasattr(config, "to_dict") or not hasattr(config, "model_type"):
        raise wrong_value(
            f"configs (for {name!r})", config, "a PretrainedConfig of Transformers, or a function that returns a model"
        )
    kind = type(config)
    try:
        data = _arguments(config)
    except Exception as error:
        raise _cannot_travel(name, config, error) from error
    is_transformers_own = kind.__module__.startswith("transformers.")
    path = f"{kind.__module__}:{kind.__qualname__}" if is_transformers_own else ""
    pickled = None if is_transformers_own and _gives_the_same(config, data) else _pickle(name, config)
    if pickled and is_transformers_own:
        data["transformers_version"] = sys.modules["transformers"].__version__
    return ModelSpec(name, data, "configs argument", pickled=pickled, config_class=path)


def _arguments(config: Any) -> dict[str, Any]:
    """Return a configuration as the dictionary of a ``config.json``, with the implementations that it asks for."""
    plain = json.loads(json.dumps(config.to_dict(), default=str))
    choices = {found[1]: _asked_for(config, name) for name in vars(config) if (found := _CHOICE.match(name))}
    return {**plain, "model_type": config.model_type, **{name: how for name, how in choices.items() if how is not None}}


def _asked_for(config: Any, name: str) -> Any:
    """Return the implementation that a configuration asks for; a dictionary where one of its parts asks for another."""
    own = vars(config).get(name)
    named = getattr(config, "sub_configs", {})
    parts = {key: _asked_for(part, name) for key, part in vars(config).items() if key in named and _is_config(part)}
    return own if all(part == own for part in parts.values()) else {"": own, **parts}


def _is_config(value: Any) -> bool:
    return hasattr(value, "to_dict") and hasattr(value, "model_type")


def _gives_the_same(config: Any, data: dict[str, Any]) -> bool:
    """Return whether the constructor, which is what a worker calls, gives the same configuration again."""
    settings = copy.deepcopy({name: value for name, value in data.items() if name != "model_type"})
    try:
        with _library_silent():
            again = type(config)(**settings)
    except Exception:
        return False
    return same_state(config, again)


@contextlib.contextmanager
def _library_silent() -> Iterator[None]:
    """Hide what Transformers says of a configuration: it has said so when the user made it."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def same_state(first: Any, second: Any) -> bool:
    """Return whether two configurations hold the same, in attributes that are not written to a file, too."""
    return dict(_state(first)) == dict(_state(second))


def _state(value: Any, path: tuple[str, ...] = (), seen: tuple[int, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every value that an object holds, by the names that lead to it; lists and tuples are the same."""
    inside: dict[Any, Any] | None = None
    if isinstance(value, dict):
        inside = value
    elif isinstance(value, list | tuple):
        inside = dict(enumerate(value))
    elif isinstance(value, set | frozenset):
        inside = dict(enumerate(sorted(value, key=repr)))  # two of the same are not always in the same order
    elif type(value).__module__.startswith("transformers.") and hasattr(value, "__dict__"):
        own = getattr(type(value), "model_type", None)  # some parts repeat it as an attribute
        inside = {
            name: part
            for name, part in vars(value).items()
            if name not in _ORIGIN and not (name == "model_type" and part == own)
        }
        yield (*path, "class"), type(value)
    if inside is None:
        plain = isinstance(value, str | int | float | None)
        yield path, repr(value if plain else str(value).removeprefix("torch."))  # a data type may be its name
    elif id(value) not in seen:
        yield (*path, "length"), len(inside)
        for name, part in inside.items():
            yield from _state(part, (*path, str(name)), (*seen, id(value)))


def _pickle(name: str, config: Any) -> str:
    """Pickle a configuration that a worker could not make by itself, with its model classes."""
    import cloudpickle

    classes = {kind: _registered_class(type(config), mappings) for kind, mappings in CLASS_MAPPINGS.items()}
    try:
        data = cloudpickle.dumps((config, classes))
    except Exception as error:
        raise _cannot_travel(name, config, error) from error
    return base64.b64encode(data).decode("ascii")


def _cannot_travel(name: str, config: Any, error: Exception) -> ArgumentError:
    return ArgumentError(
        f"configs (for {name!r}): what this {type(config).__name__} holds cannot be sent to a worker "
        f"({type(error).__name__}: {error}): it must consist of what can be copied and pickled.",
        "configs",
    )


def _registered_class(config_class: type, mappings: Sequence[str]) -> type | None:
    """Return the model class registered in this process for a configuration class by an ``AutoModel...``, or None."""
    auto = sys.modules.get("transformers.models.auto.modeling_auto")
    if auto is None:
        return None
    found = (getattr(auto, name)._extra_content.get(config_class) for name in mappings if hasattr(auto, name))
    return next((model_class for model_class in found if model_class is not None), None)
