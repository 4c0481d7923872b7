"""Keywords that a function does not have: the message says what may have been meant."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hfbench_nb.protocol.errors import ArgumentError, shown
from hfbench_nb.rendering.suggestions import did_you_mean

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Class = TypeVar("_Class", bound=type)


def refuse_unknown_keywords(
    function: Callable[_Parameters, _Result], called: str | None = None
) -> Callable[_Parameters, _Result]:
    """Make a function or method refuse keywords that it does not have, and suggest those that it has.

    Parameters
    ----------
    function
        The function.
    called
        What users know it by; by default its own name.

    Examples
    --------
    >>> from hfbench_nb import models
    >>> models(serch="gpt2")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    hfbench_nb.protocol.errors.ArgumentError: serch='gpt2' cannot be used: models() has no such argument. Did you ...
    """
    known_as = called or function.__name__
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        for name in kwargs:
            if name not in names:
                still_free = names[len(args) :]
                hint = did_you_mean(name, still_free, most=3) or f" It takes {', '.join(still_free) or 'none'}."
                given = f"{name}={shown(kwargs[name])}"
                raise ArgumentError(f"{given} cannot be used: {known_as}() has no such argument.{hint}", name)
        return function(*args, **kwargs)

    return checked


def refuse_unknown_keywords_of_methods(cls: _Class) -> _Class:
    """Make the public methods of a class, its bases' too, refuse keywords that they do not have."""
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if inspect.isfunction(method) and not name.startswith("_") and not hasattr(method, "__wrapped__"):
            setattr(cls, name, refuse_unknown_keywords(method, name))
    return cls
