"""The original's deprecated ``no_*`` names of flags, with which its own code crashed."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from hfbench_nb.arguments import checks
from hfbench_nb.protocol.errors import ArgumentError

NEGATIVE_NAMES = ("no_inference", "no_cuda", "no_tpu", "no_speed", "no_memory", "no_env_print", "no_multi_process")

_Arguments = TypeVar("_Arguments")


def accept_negative_names(cls: type[_Arguments]) -> type[_Arguments]:
    """Make the class accept the old names, with a warning."""
    initialize: Callable[..., None] = cls.__init__

    @functools.wraps(initialize)
    def __init__(self: _Arguments, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        for negative in NEGATIVE_NAMES:
            if negative not in kwargs:
                continue
            positive, value = negative[3:], kwargs.pop(negative)
            checks.boolean(negative, value)
            if positive in kwargs:
                raise ArgumentError(f"{negative} and {positive} say the same thing: give only {positive}.", positive)
            warnings.warn(f"{negative} is deprecated: use {positive}={not value}.", FutureWarning, stacklevel=2)
            kwargs[positive] = not value
        initialize(self, *args, **kwargs)

    cls.__init__ = __init__  # type: ignore[method-assign, assignment]
    return cls
