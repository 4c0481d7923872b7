"""Names that somebody may have meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from hfbench_nb.protocol.errors import ArgumentError, wrong_value

# The rank of names that are neither begun nor contained, but spelt alike: by how much, and what counts of a part.
_ALIKE = 2
_LEAST_SIMILARITY = 0.6
_OF_A_PART = 0.8


def closest(name: str, known: Iterable[str], most: int = 5) -> list[str]:
    """Return the known names that somebody who wrote another one may have meant, the best first.

    Those that begin with it stand before those that contain it or whose parts begin with its parts, as in ``seq_len``.
    Where there is neither, those that are spelt like it, or of which a part is.  Case, dashes, underscores and what
    stands before a slash do not count, and of several names with the same end the shortest is returned.

    Examples
    --------
    >>> closest("berrt", ["google-bert/bert-base-uncased", "gpt2"])
    ['google-bert/bert-base-uncased']
    >>> closest("batch_size", ["models", "batch_sizes"]), closest("bert-base", ["xyz"])
    (['batch_sizes'], [])
    """
    wanted = _folded(name)
    ranked = []
    for place, candidate in enumerate(dict.fromkeys(known)):
        last = candidate.rpartition("/")[2]
        begins, is_in = _folded(last).startswith(wanted), wanted in _folded(candidate)
        rank = 0 if begins else 1 if is_in or _begin_alike(name, last) else _ALIKE
        similarities = [_OF_A_PART * _similarity(wanted, part) for part in _parts(candidate)]
        similarity = max([_similarity(wanted, _folded(last)), *similarities])
        if wanted and (rank < _ALIKE or similarity >= _LEAST_SIMILARITY):
            ranked.append((rank, -similarity if rank == _ALIKE else 0.0, len(last), len(candidate), place, candidate))
    best = [candidate for rank, *_, candidate in sorted(ranked) if rank < _ALIKE or min(ranked)[0] == _ALIKE]
    by_last = {candidate.rpartition("/")[2].lower(): candidate for candidate in reversed(best)}
    return [candidate for candidate in best if candidate in by_last.values()][:most]


def did_you_mean(name: str, known: Iterable[str], most: int = 5) -> str:
    """Return a question with the closest names, to end a message with; empty if nothing is close.

    Examples
    --------
    >>> did_you_mean("batch_size", ["batch_sizes"])
    ' Did you mean batch_sizes?'
    """
    found = closest(name, known, most)
    return f" Did you mean {', '.join(found[:-1])}{' or ' if len(found) > 1 else ''}{found[-1]}?" if found else ""


def no_such(parameter: str, value: object, known: Iterable[object]) -> ArgumentError:
    """Return the error for a value that is none of those known, with the closest names, for the caller to raise.

    Examples
    --------
    >>> print(no_such("values", "time", ["memory_mb", "time_s"]))
    values='time' cannot be used: values must be 'memory_mb' or 'time_s'. Did you mean time_s?
    """
    names = [*dict.fromkeys(known)]
    listed = " or ".join(filter(None, [", ".join(map(repr, names[:-1])), *map(repr, names[-1:])]))
    hint = did_you_mean(value, [name for name in names if isinstance(name, str)], 3) if isinstance(value, str) else ""
    return wrong_value(parameter, value, listed or "left out: there is none", hint)


def _begin_alike(name: str, candidate: str) -> bool:
    """Return whether each of several parts of a name begins the part of the candidate at its place."""
    these, others = _parts(name), _parts(candidate)
    return 1 < len(these) <= len(others) and all(map(str.startswith, others, these))


def _parts(text: str) -> list[str]:
    return [part.lower() for part in re.split(r"[/_.\s\-]", text) if part]


def _similarity(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _folded(text: str) -> str:
    return re.sub(r"[-_\s]", "", text.lower())
