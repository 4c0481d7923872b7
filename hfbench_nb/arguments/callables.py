"""The user's own functions as arguments: checked, named, and pickled for a worker."""

from __future__ import annotations

import base64
import inspect
from typing import Any

from hfbench_nb.protocol.errors import ArgumentError, wrong_value


def check_function(name: str, value: object) -> None:
    """Raise unless a value is an ordinary function or another object that is called like one."""
    if not callable(value):
        raise wrong_value(name, value, "a function")
    if inspect.iscoroutinefunction(value) or inspect.isgeneratorfunction(value):
        raise wrong_value(name, value, "an ordinary function: calling this one only starts its work")


def takes(function: Any, count: int) -> bool:
    """Return whether a function accepts a number of arguments; True if its signature is unknown."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def name_of(function: object) -> str:
    """Return the name of a function, also if it is wrapped by `functools.partial`, or of a callable object's class."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__name__", type(inner).__name__))


def pickle_functions(name: str, value: object, functions: object, advice: str) -> str:
    """Return functions, with everything that they refer to, as base64 of a cloudpickle.

    Parameters
    ----------
    name, value
        The parameter and its value, for the message.
    functions
        What is pickled.
    advice
        What to do about a function that cannot be pickled.

    Raises
    ------
    ArgumentError
        If they cannot be sent to another process.
    """
    try:
        return base64.b64encode(_pickled(functions)).decode("ascii")
    except Exception as error:
        raise ArgumentError(
            f"{name}={value!r} cannot be sent to another process, with everything that it refers to: "
            f"{type(error).__name__}: {error}. {advice}",
            name,
        ) from error


def why_not_sent(value: object) -> str:
    """Return why a value cannot be sent to another process; empty if it can."""
    try:
        _pickled(value)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _pickled(value: object) -> bytes:
    import cloudpickle

    pickled: bytes = cloudpickle.dumps(value)
    return pickled
