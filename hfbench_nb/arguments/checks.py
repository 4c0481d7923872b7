"""Checks of parameter values: each raises an `ArgumentError` naming the parameter, the value and what is allowed."""

from __future__ import annotations

import itertools
import math
import operator
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from hfbench_nb.protocol.decoding import LARGEST_WHOLE_NUMBER
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.records import LARGEST_SIZE

# More than anyone would measure; what is longer may have no end.
MOST_ITEMS = 10_000
_LONGEST_NAME = 255
# Thirty years: threads can wait for longer, but not for ever.
LONGEST_TIMEOUT_S = 1e9


def boolean(name: str, value: object) -> None:
    """Refuse anything but True and False."""
    if not isinstance(value, bool):
        raise wrong_value(name, value, "True or False")


def integer(name: str, value: object, *, minimum: int, maximum: int = LARGEST_WHOLE_NUMBER) -> None:
    """Refuse anything but a whole number between two bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        span = f"of at least {minimum}" if maximum == LARGEST_WHOLE_NUMBER else f"from {minimum} to {maximum}"
        raise wrong_value(name, value, f"a whole number {span}")


def number(name: str, value: object, *, above: float, below: float = math.inf) -> None:
    """Refuse anything but a number between two bounds that a float can hold."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not above < value < below
        or value > sys.float_info.max
    ):
        span = f"above {above:g}" if math.isinf(below) else f"between {above:g} and {below:g}"
        raise wrong_value(name, value, f"a number {span}")


def positive_integers(name: str, value: object) -> list[int]:
    """Give the list of different whole numbers of at least 1 that `value` is (a range or an array will do)."""
    problem = wrong_value(name, value, "a list of whole numbers of at least 1, none of them twice")
    items = _items(name, value, problem)
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


def names(name: str, value: object) -> list[str]:
    """Give the list of different names that `value` is."""
    problem = wrong_value(name, value, "a list with at least one name, none of them twice, as in ['gpt2']")
    items = _items(name, value, problem)
    texts = [item for item in items if isinstance(item, str) and item.strip() and _is_text(item)]
    if not texts or len(set(texts)) < len(items):
        raise problem
    return texts


def _items(name: str, value: object, problem: ArgumentError) -> list[Any]:
    """Give the items of a list, or of something like one that ends."""
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
    """Tell whether a text can be written: half a character (a lone surrogate) cannot."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_path(value: object) -> bool:
    """Tell whether a file could have this path."""
    try:
        return isinstance(value, str) and value != "" and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse anything but one of the texts in `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise wrong_value(name, value, " or ".join([", ".join(map(repr, allowed[:-1])), repr(allowed[-1])]))


def path(name: str, value: object) -> Path:
    """Give the path that a text or a path object is."""
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        if _is_path(text):
            return Path(str(text))
    raise wrong_value(name, value, "a path")


def folder(name: str, value: object) -> None:
    """Refuse anything but the path of a folder that is there."""
    if not _is_path(value) or not _is_there(Path(str(value)).is_dir):
        raise wrong_value(name, value, "the path of a folder that is there")


def program(name: str, value: object) -> None:
    """Refuse anything but the path of a file that can be run."""
    if not _is_path(value) or not _is_there(Path(str(value)).is_file) or not os.access(str(value), os.X_OK):
        raise wrong_value(name, value, "the path of a Python interpreter that can be run")


def new_file(name: str, value: object, *, needed: bool) -> None:
    """Refuse anything but a path; if it is `needed`, its folder must be there and writable."""
    if not _is_path(value):
        raise wrong_value(name, value, "the path of a file")
    if not needed:
        return
    place = Path(str(value))
    if _is_there(place.is_dir) or not _is_there(place.parent.is_dir) or not os.access(place.parent, os.W_OK):
        raise wrong_value(name, value, "the path of a file in a folder that is there and can be written to")
    if len(os.fsencode(place.name)) > _LONGEST_NAME:
        raise wrong_value(name, value, f"the path of a file whose name has {_LONGEST_NAME} bytes at most")


def _is_there(question: Callable[[], bool]) -> bool:
    """Ask a path what it is; of one that is too long the system says so by an error."""
    try:
        return question()
    except OSError:
        return False
