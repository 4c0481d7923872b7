"""The errors that hfbench_nb raises on purpose."""

from __future__ import annotations

import sys
import warnings

_MOST_SHOWN = 200


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
    return ArgumentError(f"{name}={shown(value)} cannot be used: {name} must be {allowed}.")


def shown(value: object) -> str:
    """Give a value as a message shows it: its `repr`, cut where nobody would read on."""
    try:
        text = repr(value)
    except Exception:  # an object's own fault, or a number of more digits than Python converts
        return f"<{type(value).__name__}>"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def warn(message: str) -> None:
    """Warn the user, at the place in their own code that led here."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(("hfbench_nb.", "contextlib")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
