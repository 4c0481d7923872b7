"""Checks of parameter values: each raises an `ArgumentError` with the parameter, the value and what is allowed."""

from __future__ import annotations

import itertools
import math
import operator
import os
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

from hfbench_nb.protocol.case import LARGEST_SIZE
from hfbench_nb.protocol.decoding import LARGEST_WHOLE_NUMBER
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.rendering.suggestions import no_such

# More than anyone would measure; anything longer may be infinite.
MOST_ITEMS = 10_000
_LONGEST_NAME = 255
LONGEST_S = 1e9
"""Thirty years: threads can wait longer, but not indefinitely, seconds."""


def boolean(name: str, value: object) -> None:
    """Raise unless the value is True or False."""
    if not isinstance(value, bool):
        raise wrong_value(name, value, "True or False")


def integer(name: str, value: object, *, minimum: int, maximum: int = LARGEST_WHOLE_NUMBER) -> None:
    """Raise unless the value is a whole number from `minimum` to `maximum`."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        is_open = maximum == LARGEST_WHOLE_NUMBER and not (isinstance(value, int) and value > maximum)
        span = f"of at least {minimum}" if is_open else f"from {minimum} to {maximum}"
        raise wrong_value(name, value, f"a whole number {span}")


def share_of_percent(name: str, value: object) -> float:
    """Return a number of percent as a share; raise unless it is one of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise wrong_value(name, value, "a number of percent of at least 0")
    return value / 100


def number(name: str, value: object, *, above: float, below: float) -> None:
    """Raise unless the value is a number above `above` and below `below`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not above < value < below:
        ends = f" and below {below:g}" if below < math.inf else ""
        raise wrong_value(name, value, f"a number above {above:g}{ends}")


def positive_integers(name: str, value: object) -> list[int]:
    """Return `value`, a whole number of at least 1 or any iterable of different ones, as a list."""
    problem = wrong_value(name, value, "a whole number of at least 1, or a list of such numbers without duplicates")
    items = [value] if isinstance(value, Integral) else _items(name, value, problem)
    try:
        numbers = [operator.index(item) for item in items]
    except TypeError:
        raise problem from None
    is_flag = any(isinstance(item, bool) for item in items)
    if not numbers or is_flag or min(numbers) < 1 or len(set(numbers)) < len(numbers):
        raise problem
    if max(numbers) > LARGEST_SIZE:
        raise wrong_value(name, value, f"a list of whole numbers of at most {LARGEST_SIZE}")
    return numbers


def names(name: str, value: object, *, needed: bool = True) -> list[str]:
    """Return `value`, a name or an iterable of different ones, as a list; it may be empty unless a name is `needed`."""
    problem = wrong_value(name, value, "a name, or a list with at least one name, without duplicates, as in ['gpt2']")
    items = [value] if isinstance(value, str) else _items(name, value, problem)
    texts = [item for item in items if isinstance(item, str) and item.strip() and _is_text(item)]
    if (needed and not texts) or len(set(texts)) < len(items):
        raise problem
    return texts


def _items(name: str, value: object, problem: ArgumentError) -> list[Any]:
    """Return the items of a finite iterable."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise problem
    try:
        items = list(itertools.islice(value, MOST_ITEMS + 1))
    except Exception as error:
        raise problem from error
    if len(items) > MOST_ITEMS:
        raise wrong_value(name, value, f"a list of at most {MOST_ITEMS} items")
    return items


def _is_text(value: str) -> bool:
    """Return whether a text can be encoded: a lone surrogate cannot."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_path(value: object) -> bool:
    """Return whether `value` is a valid path of a file."""
    try:
        return isinstance(value, str) and value != "" and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Raise unless the value is one of the strings in `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise no_such(name, value, allowed)


def values_of_axis(arguments: object, name: str) -> list[Any]:
    """Return the values of an axis, of which one may stand alone."""
    value = getattr(arguments, name)
    return list(value) if isinstance(value, list | tuple) else [value]


def several_values(name: str, values: list[Any]) -> None:
    """Refuse a list of valid values that is empty, too long, or has a value twice."""
    if not values or len(values) > MOST_ITEMS or len({(type(value), value) for value in values}) < len(values):
        raise wrong_value(name, values, f"one value, or a list of 1 to {MOST_ITEMS} different values")


def path(name: str, value: object) -> Path:
    """Return a string or a path object as a `Path`."""
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        if _is_path(text):
            return Path(str(text))
    raise wrong_value(name, value, "a path")


def folder(name: str, value: object) -> None:
    """Raise unless the value is the path of an existing folder."""
    if not _is_path(value) or not _is_there(Path(str(value)).is_dir):
        raise wrong_value(name, value, "the path of an existing folder")


def program(name: str, value: object) -> None:
    """Raise unless the value is the path of an executable file."""
    if not _is_path(value) or not _is_there(Path(str(value)).is_file) or not os.access(str(value), os.X_OK):
        raise wrong_value(name, value, "the path of a Python interpreter that can be run")


def new_file(name: str, value: object, *, needed: bool) -> None:
    """Raise unless the value is a path; if the file is `needed`, its folder must exist and be writable."""
    if not _is_path(value):
        raise wrong_value(name, value, "the path of a file")
    if not needed:
        return
    place = Path(str(value))
    if _is_there(place.is_dir) or not _is_there(place.parent.is_dir) or not os.access(place.parent, os.W_OK):
        raise wrong_value(name, value, "the path of a file in an existing, writable folder")
    if len(os.fsencode(place.name)) > _LONGEST_NAME:
        raise wrong_value(name, value, f"the path of a file whose name has at most {_LONGEST_NAME} bytes")


def _is_there(question: Callable[[], bool]) -> bool:
    """Return the answer about a path, or False where the system raises, as for a path that is too long."""
    try:
        return question()
    except OSError:
        return False
