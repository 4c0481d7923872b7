"""Docstrings in NumPy style: what a function has is documented, and what it does not have is not."""

from __future__ import annotations

import inspect
import re
import textwrap
import types
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

_WIDTH = 100
_HEADING = re.compile(r"^\w[\w ]*\n-{3,}\n", re.MULTILINE)


def as_method(function: _Function) -> _Function:
    """Return a copy of a function for a class body, whose documentation leaves out the parameter that becomes `self`.

    Examples
    --------
    >>> print(as_method(as_method).__doc__.splitlines()[0][:36])
    Return a copy of a function for a cl
    """
    code = function.__code__
    method = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    method.__kwdefaults__, method.__annotations__ = function.__kwdefaults__, function.__annotations__
    method.__module__, method.__qualname__ = function.__module__, function.__qualname__
    method.__doc__ = _without(function.__doc__ or "", code.co_varnames[0])
    return method  # type: ignore[return-value]


def _without(documentation: str, name: str) -> str:
    """Return a docstring without a parameter, and without the section if there is no other."""
    before, parameters, after = _split(inspect.cleandoc(documentation))
    kept = [entry for entry in re.split(r"\n(?=\S)", parameters) if entry.strip() and not re.match(rf"{name}\b", entry)]
    return _join(before, "\n".join(entry.strip("\n") for entry in kept), after)


def with_parameters(documentation: str, entries: Iterable[tuple[str, str]]) -> str:
    """Return a docstring with a section on parameters.

    Parameters
    ----------
    documentation
        The docstring, without such a section.
    entries
        Each parameter, with what the entry's first line says of it, and its description.
    """
    before, _, after = _split(inspect.cleandoc(documentation))
    texts = [
        f"{head}\n{textwrap.fill(text, _WIDTH, initial_indent='    ', subsequent_indent='    ')}"
        for head, text in entries
    ]
    return _join(before, "\n".join(texts), after)


def _split(documentation: str) -> tuple[str, str, str]:
    """Return what stands before the section on parameters, its entries, and the sections behind it."""
    sections = [*_HEADING.finditer(documentation)]
    starts = [*(section.start() for section in sections), len(documentation)]
    for section, end in zip(sections, starts[1:], strict=True):
        if section[0].startswith("Parameters\n"):
            return documentation[: section.start()], documentation[section.end() : end], documentation[end:]
    return documentation[: starts[0]], "", documentation[starts[0] :]


def _join(before: str, parameters: str, after: str) -> str:
    section = f"Parameters\n----------\n{parameters}" if parameters else ""
    return "\n\n".join(part for each in (before, section, after) if (part := each.strip()))
