"""Arguments that a framework does not have: the message says whose they are, or what may have been meant."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from hfbench_nb.arguments.frameworks import frameworks_with_models
from hfbench_nb.arguments.negative_names import NEGATIVE_NAMES
from hfbench_nb.protocol.errors import ArgumentError, shown
from hfbench_nb.rendering.suggestions import did_you_mean

_Arguments = TypeVar("_Arguments", bound=Any)


def refuse_foreign_names(cls: type[_Arguments]) -> type[_Arguments]:
    """Make the class refuse arguments that only other frameworks have, or none, and say which these are."""
    initialize: Callable[..., None] = cls.__init__
    own = {found.name for found in dataclasses.fields(cls)}

    @functools.wraps(initialize)
    def __init__(self: _Arguments, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        for name in kwargs.keys() - own - _fields_of(type(self)) - set(NEGATIVE_NAMES):
            raise no_such_argument(type(self), name, kwargs[name])
        initialize(self, *args, **kwargs)

    cls.__init__ = __init__
    return cls


def no_such_argument(kind: type[Any], name: str, value: object) -> ArgumentError:
    """Return the error for an argument that a class does not have, for the caller to raise."""
    given, framework = f"{name}={shown(value)} cannot be used", getattr(kind, "framework", None)
    owners = [each.name for each in frameworks_with_models() if name in _fields_of(each.arguments_class)]
    if owners and framework:
        reason = f" with {framework}: it is an argument of {' and '.join(owners)}."
    else:
        reason = f": {kind.__name__} has no such argument.{did_you_mean(name, sorted(_fields_of(kind)), most=3)}"
    return ArgumentError(given + reason, name)


def _fields_of(kind: type[Any]) -> set[str]:
    return {found.name for found in dataclasses.fields(kind)}
