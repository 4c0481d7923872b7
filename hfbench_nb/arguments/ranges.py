"""Ranges of sizes, as people write them in a shell or a form: ``8-512`` doubles from 8 to 512."""

from __future__ import annotations

import re

_RANGE = re.compile(r"([0-9]+)-([0-9]+)")

WORDS = "whole numbers, and ranges that double, as in 8-512"
"""What a list of whole numbers may consist of."""


HELP = "8-512 stands for 8, 16, 32 ... 512."
"""What is told where a list is written."""


class RangeError(ValueError):
    """A range has no numbers; the message says why, and what would."""


def whole_numbers(word: str) -> list[int]:
    """Return the number, or the numbers of the range, that a word stands for.

    Raises
    ------
    RangeError
        If it looks like a range and is none.
    ValueError
        If it is neither.

    Examples
    --------
    >>> whole_numbers("8-64"), whole_numbers("100")
    ([8, 16, 32, 64], [100])
    """
    found = _RANGE.fullmatch(word)
    if found is None:
        return [int(word)]
    first, last = map(int, found.groups())
    if not 1 <= first <= last:
        raise RangeError(f"{word} is not a range: it must start at 1 or more, and not end before it starts")
    numbers = [first]
    while numbers[-1] < last:
        numbers.append(2 * numbers[-1])
    if numbers[-1] != last:
        raise RangeError(
            f"{word} is not a range: doubling {first} gives {numbers[-2]} and {numbers[-1]}, so it must be "
            f"{first}-{numbers[-2]} or {first}-{numbers[-1]}"
        )
    return numbers
