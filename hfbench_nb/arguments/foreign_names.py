"""Arguments of another framework: the message says whose they are."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from hfbench_nb.arguments.frameworks import frameworks_with_models
from hfbench_nb.protocol.errors import ArgumentError, shown

_Arguments = TypeVar("_Arguments", bound=Any)


def refuse_foreign_names(cls: type[_Arguments]) -> type[_Arguments]:
    """Make the class refuse the arguments that only other frameworks have, and name these frameworks."""
    initialize: Callable[..., None] = cls.__init__
    own = {found.name for found in dataclasses.fields(cls)}

    @functools.wraps(initialize)
    def __init__(self: _Arguments, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        for name in kwargs.keys() - own:
            owners = [each.name for each in frameworks_with_models() if name in _fields_of(each.arguments_class)]
            if owners and name not in _fields_of(type(self)):
                raise ArgumentError(
                    f"{name}={shown(kwargs[name])} cannot be used with {cls.framework}: it is an argument of "
                    f"{' and '.join(owners)}.",
                    name,
                )
        initialize(self, *args, **kwargs)

    cls.__init__ = __init__
    return cls


def _fields_of(kind: type[Any]) -> set[str]:
    return {found.name for found in dataclasses.fields(kind)}
