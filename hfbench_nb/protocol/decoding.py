"""Reading untrusted data: files may be truncated, edited by hand, or written by another program.

Nothing is evaluated or unpickled; data that does not fit raises a `ValueError`.  Standard library only.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

LARGEST_WHOLE_NUMBER = (1 << 63) - 1
"""The largest value that a column of whole numbers can hold."""
LARGEST_NUMBER = 1e15
"""Larger than any metric, and small enough to compute with."""
MOST_NESTED = 50

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

_Record = TypeVar("_Record")


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, keeping its line ends.

    Raises
    ------
    OSError
        If it cannot be read, or is not an ordinary file: a pipe may never end.
    ValueError
        If it is not UTF-8.
    """
    if path.exists() and not path.is_file():
        raise OSError(f"{str(path)!r} is not an ordinary file")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not text in UTF-8, from byte {error.start} on") from None


def parse_json(text: str) -> Any:
    """Parse a JSON text; replace lone surrogates, which no file or page could hold, by ``?``.

    Raises
    ------
    ValueError
        If it is not JSON, or is nested more deeply than anything that this package writes.
    """
    try:
        data = json.loads(text)
        _check_depth(data, MOST_NESTED)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in text else ""
        raise ValueError(
            f"it is not JSON, from {line}character {error.colno} on" if text.strip() else "it is empty"
        ) from None
    if _ESCAPED_SURROGATE.search(text):
        return json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    return data


def why_unreadable(error: Exception) -> str:
    """Return why data could not be read, in words for those who have the file and do not know this code.

    Examples
    --------
    >>> why_unreadable(KeyError("case")), why_unreadable(ValueError("it is not JSON"))
    ("it lacks 'case'", 'it is not JSON')
    """
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    if isinstance(error, TypeError):
        return "it is not of the form that hfbench_nb writes"
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _check_depth(data: Any, left: int) -> None:
    if isinstance(data, list | dict):
        if not left:
            raise ValueError("nested too deeply")
        for value in data.values() if isinstance(data, dict) else data:
            _check_depth(value, left - 1)


def make(kind: type[_Record], data: Any) -> _Record:
    """Make a record (a dataclass or a named tuple) from JSON data: every value must have the type of its field.

    If the class has a method ``check``, it is called too.

    Raises
    ------
    ValueError
        If `data` does not fit; the message names the field.
    """
    record: _Record = _fit(kind, data, kind.__name__)
    return record


@lru_cache
def _fields(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _fit(kind: Any, value: Any, place: str) -> Any:
    """Return the value as one of type `kind`; `place` is its name in messages."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        (other,) = (each for each in inner if each is not types.NoneType)
        return None if value is None else _fit(other, value, place)
    if origin is tuple and isinstance(value, list):
        return tuple([_fit(inner[0], item, place) for item in value])
    if origin is dict and isinstance(value, dict):
        return {key: _fit(inner[1], item, f"{place}[{key!r}]") for key, item in value.items()}
    if hasattr(kind, "from_json"):
        return kind.from_json(value)
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return _fit_record(kind, value, place)
    if hasattr(kind, "_fields") and isinstance(value, list) and len(value) == len(kind._fields):
        return kind(*(_fit(hint, item, place) for hint, item in zip(_fields(kind).values(), value, strict=True)))
    if not _is_plain(kind, value):
        raise ValueError(f"{place} cannot be {str(value)[:100]!r}, a {type(value).__name__}")
    return float(value) if kind is float else value


def _is_plain(kind: Any, value: Any) -> bool:
    """Return whether a value is a string, flag or number of type `kind`, and not too large to compute with."""
    if kind is int:
        return type(value) is int and abs(value) <= LARGEST_WHOLE_NUMBER
    if kind is float:
        return type(value) in (int, float) and abs(value) <= LARGEST_NUMBER and not math.isnan(value)
    return kind in (str, bool) and type(value) is kind


def _fit_record(kind: Any, data: dict[str, Any], place: str) -> Any:
    hints = _fields(kind)
    for name in data:
        if name not in hints:
            raise ValueError(f"{place} has no {name!r}")
    missing = [
        field.name
        for field in dataclasses.fields(kind)
        if field.name not in data
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"{place} lacks {', '.join(missing)}")
    record = kind(**{name: _fit(hints[name], value, f"{place}.{name}") for name, value in data.items()})
    if hasattr(record, "check"):
        record.check()
    return record
