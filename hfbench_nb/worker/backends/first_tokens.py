"""The first tokens of a generation, with all that has a size for the whole.  Standard library only."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable

from hfbench_nb.worker.backends.base import GenerateCall


class _EnoughTokens(Exception):
    """As many tokens have come as are wanted."""


def generate_first(few: int, generate: GenerateCall, on_token: Callable[[], None]) -> None:
    """Generate until the first few tokens have come.

    Parameters
    ----------
    few
        How many tokens.
    generate
        The call, which would make more; what it allocates for all of them is allocated.
    on_token
        Called for each token.
    """
    numbers = itertools.count(1)

    def on_one() -> None:
        on_token()
        if next(numbers) == few:
            raise _EnoughTokens

    with contextlib.suppress(_EnoughTokens):
        generate.watched(on_one)
