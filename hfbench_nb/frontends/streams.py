"""What the console command prints, and to where: a closed or broken stream must never cost a measurement."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from hfbench_nb.rendering.escaping import for_stdout


class OutputLost(Exception):
    """Standard output cannot be written to.

    Attributes
    ----------
    is_closed
        Whether its reader has gone (``hfbench ... | head``), which is not worth a message.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.is_closed = isinstance(error, BrokenPipeError)


def say(text: object, end: str = "\n") -> None:
    """Print to standard output.

    Raises
    ------
    OutputLost
        If that fails.
    """
    try:
        print(for_stdout(str(text)), end=end, flush=True)
    except OSError as error:
        with contextlib.suppress(OSError, ValueError):
            # Otherwise the interpreter fails again at its end, when it writes what is left.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputLost(error) from error


def complain(text: str, end: str = "\n") -> None:
    """Print to standard error, if possible."""
    with contextlib.suppress(OSError):
        print(text, end=end, file=sys.stderr, flush=True)


def open_closed_streams() -> None:
    """Let standard streams that the shell has closed (``2>&-``) lead to nowhere.

    Otherwise files would get their numbers, and what any library prints would be written into them.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process


@contextlib.contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show the warnings to users without the line of code, which is never theirs in the console."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_line(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if category is UserWarning:
                complain(f"hfbench: {message}")
            else:
                show(message, category, *where, **more)

        warnings.showwarning = show_line
        yield
