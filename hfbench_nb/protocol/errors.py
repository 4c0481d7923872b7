"""The errors that hfbench_nb raises on purpose."""

from __future__ import annotations

import copy
import sys
import warnings
from types import FrameType, TracebackType

_MOST_SHOWN = 200


class HfbenchError(Exception):
    """Base class: catch it to catch everything that hfbench_nb raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the user's own lines alone, since nothing of ours failed."""
        shell = sys.modules["IPython"].get_ipython()
        shown = copy.copy(self)
        shown.__cause__ = None  # the message tells it; copies lack it unless Dask, whose copies have it, is imported
        trace = _of_the_user(self.__traceback__)
        lines: list[str] = shell.InteractiveTB.structured_traceback(type(self), shown, trace, tb_offset=0)
        return lines


def _of_the_user(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that stands between the package or program that runs cells, and ours."""
    found: list[TracebackType] = []
    while trace is not None:
        if not _is_between(trace.tb_frame):
            found.append(trace)
        trace = trace.tb_next
    kept: TracebackType | None = None
    for each in reversed(found):
        kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept


class ArgumentError(HfbenchError, ValueError):
    """A parameter has a value that cannot be used; raised before anything is measured.

    Attributes
    ----------
    parameters
        Names of the parameters that the message is about; empty where it is about none in particular.
    for_forms
        The message without what only helps those who write code.
    """

    def __init__(self, message: str, *parameters: str, in_code: str = "") -> None:
        super().__init__(f"{message} {in_code}" if in_code else message)
        self.parameters = parameters
        self.for_forms = message


class ModelNotFoundError(ArgumentError):
    """A model's name was not found in any directory, cache, catalogue or hub."""


class ProfileNotFoundError(ArgumentError, KeyError):
    """No profile, or several, belong to what was asked for."""

    __str__ = Exception.__str__  # that of a KeyError shows the message as code


class IsolationError(HfbenchError, RuntimeError):
    """The worker or worker server could not be started, or died before it received a request."""


class HubError(HfbenchError, RuntimeError):
    """Results could not be pushed to the Hugging Face hub, or read from it; the message says what to do."""


class TracingError(HfbenchError, RuntimeError):
    """Memory tracing was started or stopped at a point where that is not possible."""


class RunInterrupted(KeyboardInterrupt):
    """The user stopped a run; the message says what is measured, and where that is.

    Attributes
    ----------
    for_shell
        The message in the words of the shell.
    """

    def __init__(self, message: str = "", *, for_shell: str = "") -> None:
        super().__init__(message)
        self.for_shell = for_shell or message

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the message, since where the run was just then says nothing."""
        return [str(self)]


def wrong_value(name: str, value: object, allowed: str, hint: str = "") -> ArgumentError:
    """Return the error for a parameter whose value is not allowed.

    Parameters
    ----------
    name
        The parameter.
    value
        The value given.
    allowed
        What is allowed, in words.
    hint
        What stands behind that: names that may have been meant.

    Returns
    -------
    ArgumentError
        For the caller to raise.
    """
    return ArgumentError(f"{name}={shown(value)} cannot be used: {name} must be {allowed}.{hint}", name)


def shown(value: object) -> str:
    """Return a value as messages show it: its `repr`, truncated if it is long."""
    try:
        text = repr(value)
    except Exception:  # a faulty __repr__, or a number with more digits than Python converts
        return f"<{type(value).__name__}>"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


# What may stand between this package's functions, and between them and the code of the user.
_BETWEEN = ("hfbench_nb.", "contextlib", "functools", "IPython.")
_GENERATED = "<decorator-gen"  # by the package decorator, which IPython 7 wraps magics with


def warn(message: str) -> None:
    """Warn the user, at the line of their own code that led here."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_between(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def _is_between(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__", "")
    return module.startswith(_BETWEEN) or frame.f_code.co_filename.startswith(_GENERATED)


def message_of(error: BaseException) -> str:
    """Return the message of an error; for one of an import, with the error behind it.

    Transformers says of code that cannot be imported only that it cannot, whatever the reason was.
    """
    try:
        message = str(error)
    except Exception:  # the __str__ of a user's own exception may fail
        return "<no message: its __str__ failed>"
    if not isinstance(error, ImportError) or error.__cause__ is None:
        return message
    cause = error.__cause__
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return f"{message} Caused by {type(cause).__name__}: {message_of(cause)}"
