"""Names that somebody may have meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_LEAST_SIMILARITY = 0.6


def closest(name: str, known: Iterable[str], most: int = 5) -> list[str]:
    """Return the known names that somebody who wrote another one may have meant, the best first.

    Those that begin with it stand before those that contain it, and these before those that are spelt like it, or of
    which a part is.  Case, dashes, underscores and what stands before a slash do not count.

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
        texts = {_folded(candidate), _folded(last)}
        rank = min((0 if text.startswith(wanted) else 1 if wanted in text else 2) for text in texts)
        parts = texts | {_folded(part) for part in re.split(r"[/_.\-]", candidate)}
        similarity = max(difflib.SequenceMatcher(None, wanted, part).ratio() for part in parts)
        if wanted and (rank < 2 or similarity >= _LEAST_SIMILARITY):
            ranked.append((rank, -similarity if rank == 2 else 0.0, len(last), place, candidate))
    return [candidate for *_, candidate in sorted(ranked)[:most]]


def did_you_mean(name: str, known: Iterable[str], most: int = 5) -> str:
    """Return a question with the closest names, to end a message with; empty if nothing is close.

    Examples
    --------
    >>> did_you_mean("batch_size", ["batch_sizes"])
    ' Did you mean batch_sizes?'
    """
    found = closest(name, known, most)
    return f" Did you mean {', '.join(found[:-1])}{' or ' if len(found) > 1 else ''}{found[-1]}?" if found else ""


def _folded(text: str) -> str:
    return re.sub(r"[-_\s]", "", text.lower())
