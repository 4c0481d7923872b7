"""Shortening names that are too long for a plot, so that what distinguishes them stays."""

from __future__ import annotations

from collections.abc import Sequence

MOST_LETTERS = 60
"""Maximum letters of a name in a legend; a longer one would crowd out the axes, or be too small to read."""
# Fewest letters that are left of a word.
_LEAST_OF_WORD = 8


def shorten(name: str, letters: int) -> str:
    """Leave out the middle of a name that is too long: both ends distinguish models.

    Examples
    --------
    >>> shorten("google-bert/bert-base-uncased", 16)
    'google-…-uncased'
    """
    if len(name) <= letters:
        return name
    return f"{name[: (letters - 1) // 2]}…{name[len(name) - letters // 2 :]}"


def shorten_all(names: Sequence[str], letters: int) -> list[str]:
    """Shorten names that are too long, as long as that leaves them different.

    What follows the name of a model, such as its sizes, stays: the longest word is shortened, without an organization,
    or else the whole.

    Parameters
    ----------
    names
        The names in one legend or of the rows of one plot.
    letters
        The most letters of a name; they may have more where that leaves them too alike.

    Examples
    --------
    >>> shorten_all(["meta-llama/Llama-3.2-1B, length 300, new tokens 16", "gpt2, length 8"], 40)
    ['Llama-3.2-1B, length 300, new tokens 16', 'gpt2, length 8']
    >>> shorten_all(["org/a-model-with-a-name-1B, length 8", "org/a-model-with-a-name-1B, length 128"], 30)
    ['a-model-w…-name-1B, length 8', 'a-model-w…-name-1B, length 128']
    >>> shorten_all(["meta-llama/Llama-3.2-1B-Instruct", "meta-llama/Llama-3.2-3B-Instruct"], 12)
    ['meta-llama/Llama-3.2-1B-Instruct', 'meta-llama/Llama-3.2-3B-Instruct']
    """
    if max(map(len, names), default=0) <= letters:
        return [*names]
    by_word, middles = _by_word(names, letters), [shorten(name, letters) for name in names]
    ways = [by_word, middles] if max(map(len, by_word)) <= max(letters, MOST_LETTERS) else [middles, by_word]
    return next((each for each in ways if len(set(each)) == len(set(names))), [*names])


def _by_word(names: Sequence[str], letters: int) -> list[str]:
    """Shorten the longest word of each name that is too long, the same word to the same."""
    longest = {name: max(name.split(), key=len, default="") for name in names if len(name) > letters}
    rooms: dict[str, int] = {}
    for name, word in longest.items():
        rooms[word] = min(rooms.get(word, letters), letters - len(name) + len(word))
    shorter = {word: shorten(word.rpartition("/")[2], max(room, _LEAST_OF_WORD)) for word, room in rooms.items()}
    return [name.replace(longest[name], shorter[longest[name]], 1) if name in longest else name for name in names]
