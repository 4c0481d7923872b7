"""The documentation of the argument dataclasses, from the metadata of their fields."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from hfbench_nb.arguments.fields import default_of
from hfbench_nb.rendering.docstrings import with_parameters

_Arguments = TypeVar("_Arguments", bound=Any)


def document_fields(cls: type[_Arguments]) -> type[_Arguments]:
    """Let the docstring of an argument dataclass describe every field."""
    if cls.__doc__:  # python -OO has none
        entries = ((f"{found.name} : {_default(found)}", found.metadata["help"]) for found in dataclasses.fields(cls))
        cls.__doc__ = with_parameters(cls.__doc__, entries)
    return cls


def _default(found: dataclasses.Field[Any]) -> str:
    if name := found.metadata.get("timestamped"):
        return f"by default {name}_<time>.csv"
    return f"by default {default_of(found)!r}"
