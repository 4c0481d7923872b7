"""Making the fields of the argument dataclasses."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeVar

from hfbench_nb import checks
from hfbench_nb.errors import ArgumentError

NEGATIVE_NAMES = ("no_inference", "no_cuda", "no_tpu", "no_speed", "no_memory", "no_env_print", "no_multi_process")

_Arguments = TypeVar("_Arguments")


def option(default: Any, help_text: str) -> Any:
    """Make a field with a default, copied if it is a list, and its help."""
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata={"help": help_text})
    return field(default=default, metadata={"help": help_text})


def timestamped(name: str, help_text: str) -> Any:
    """Make a field for a file whose default name carries the time, as the original's do."""
    return field(
        default_factory=lambda: f"{name}_{round(time.time())}.csv",
        metadata={"help": f"{help_text} The default carries the time."},
    )


def accept_negative_names(cls: type[_Arguments]) -> type[_Arguments]:
    """Let the class be called with the original's old ``no_*`` names, which its own code crashed on."""
    initialize: Callable[..., None] = cls.__init__

    @functools.wraps(initialize)
    def __init__(self: _Arguments, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        for negative in NEGATIVE_NAMES:
            if negative not in kwargs:
                continue
            positive, value = negative[3:], kwargs.pop(negative)
            checks.boolean(negative, value)
            if positive in kwargs:
                raise ArgumentError(f"{negative} and {positive} say the same thing: give only {positive}.")
            warnings.warn(f"{negative} is deprecated: use {positive}={not value}.", FutureWarning, stacklevel=2)
            kwargs[positive] = not value
        initialize(self, *args, **kwargs)

    cls.__init__ = __init__  # type: ignore[method-assign, assignment]
    return cls
