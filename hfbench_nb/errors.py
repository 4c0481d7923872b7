"""The errors that hfbench_nb raises on purpose."""

from __future__ import annotations


class HfbenchError(Exception):
    """Base class: catch it to catch everything that hfbench_nb raises on purpose."""


class ArgumentError(HfbenchError, ValueError):
    """A parameter has a value that cannot be used; raised before anything is measured."""


class ModelNotFoundError(ArgumentError):
    """A model's name was found in no directory, cache, catalogue or hub."""


class IsolationError(HfbenchError, RuntimeError):
    """The process that measures could not be started, or died before it could be asked."""


class TracingError(HfbenchError, RuntimeError):
    """Memory tracing was started or stopped when it could not be."""


def wrong_value(name: str, value: object, allowed: str) -> ArgumentError:
    """Make the error for a parameter whose value is not allowed.

    Parameters
    ----------
    name
        The parameter.
    value
        What was given.
    allowed
        What is allowed, in words.

    Returns
    -------
    ArgumentError
        To be raised by the caller.
    """
    return ArgumentError(f"{name}={value!r} cannot be used: {name} must be {allowed}.")
