"""Checks of parameter values: each raises an `ArgumentError` naming the parameter, the value and what is allowed."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from hfbench_nb.errors import wrong_value


def boolean(name: str, value: object) -> None:
    """Refuse anything but True and False."""
    if not isinstance(value, bool):
        raise wrong_value(name, value, "True or False")


def integer(name: str, value: object, *, minimum: int) -> None:
    """Refuse anything but a whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise wrong_value(name, value, f"a whole number of at least {minimum}")


def number(name: str, value: object, *, above: float, below: float = math.inf) -> None:
    """Refuse anything but a finite number between two bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not above < value < below:
        span = f"above {above:g}" if math.isinf(below) else f"between {above:g} and {below:g}"
        raise wrong_value(name, value, f"a number {span}")


def positive_integers(name: str, value: object) -> list[int]:
    """Give the list of different whole numbers of at least 1 that `value` is (a range or an array will do)."""
    problem = wrong_value(name, value, "a list of whole numbers of at least 1, none of them twice")
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise problem
    items = list(value)
    try:
        numbers = [operator.index(item) for item in items]
    except TypeError:
        raise problem from None
    is_flag = any(isinstance(item, bool) for item in items)
    if not numbers or is_flag or min(numbers) < 1 or len(set(numbers)) < len(numbers):
        raise problem
    return numbers


def names(name: str, value: object) -> list[str]:
    """Give the list of different names that `value` is."""
    problem = wrong_value(name, value, "a list with at least one name, none of them twice, as in ['gpt2']")
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise problem
    texts = list(value)
    if not texts or len(set(map(str, texts))) < len(texts):
        raise problem
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise problem
    return texts


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse anything but one of the texts in `allowed`."""
    if value not in allowed:
        raise wrong_value(name, value, " or ".join([", ".join(map(repr, allowed[:-1])), repr(allowed[-1])]))


def new_file(name: str, value: object, *, needed: bool) -> None:
    """Refuse anything but a path; if it is `needed`, its folder must be there and writable."""
    if not isinstance(value, str) or not value:
        raise wrong_value(name, value, "the path of a file")
    if not needed:
        return
    path = Path(value)
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise wrong_value(name, value, "the path of a file in a folder that is there and can be written to")
