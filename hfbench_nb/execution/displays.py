"""Where progress is shown: a bar on stderr in a terminal, one updated output in a notebook."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Protocol

from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.rendering.html import render


class Display(Protocol):
    """Where progress is shown.

    One with a method ``fail(failed, finished)`` is told how many cases have failed, of those of which a round is over.
    One with an attribute ``refresh_s`` is shown again every so many seconds, from another thread, so that the time that
    is left moves within a measurement.
    """

    def show(self, done: int, total: int, text: str) -> None:
        """Show that `done` of `total` measurements, rounds of cases, are finished, and what is going on."""
        ...

    def log(self, text: str) -> None:
        """Show what a worker has printed, if the display has a place for it."""
        ...

    def close(self, text: str) -> None:
        """Show the final message."""
        ...


# A terminal that was closed, or a pipe that nobody reads, must not end the run that it would show.
_unless_lost = contextlib.suppress(OSError, ValueError)


class TerminalDisplay:
    """A bar on stderr; nothing if stderr is not a terminal."""

    refresh_s = 1.0

    def __init__(self) -> None:
        self._bar: Any = None

    def show(self, done: int, total: int, text: str) -> None:
        """Redraw the bar."""
        with _unless_lost:
            self._show(done, total, text)

    def _show(self, done: int, total: int, text: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            layout = "{percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} {desc}"
            self._bar = tqdm(
                file=sys.stderr,
                total=total,
                desc=text,
                disable=None,
                leave=False,
                dynamic_ncols=True,
                bar_format=layout,
            )
        elif not self._bar.disable:
            self._bar.n = done
            self._bar.set_description_str(text)

    def log(self, text: str) -> None:
        """Do nothing: the terminal is for the report."""

    def close(self, text: str) -> None:
        """Remove the bar: the report follows."""
        if self._bar is not None:
            with _unless_lost:
                self._bar.close()


class NotebookDisplay:
    """One output of the notebook that is updated in place, also from other threads, and survives being saved."""

    refresh_s = 1.0

    def __init__(self) -> None:
        self._failed, self._finished = 0, 0
        self._handle: Any = None
        self._put(self._bundle(0, 1, "starting"))

    def show(self, done: int, total: int, text: str) -> None:
        """Update the output."""
        self._put(self._bundle(done, total, text))

    def _put(self, bundle: dict[str, str]) -> None:
        if self._handle is not None:
            self._handle.update(bundle, raw=True)
            return
        from IPython.display import display

        self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def log(self, text: str) -> None:
        """Do nothing: the output is for the table."""

    def fail(self, failed: int, finished: int) -> None:
        """Show the number in the colour of failures from now on."""
        self._failed, self._finished = failed, finished

    def close(self, text: str) -> None:
        """Replace the bar by one line of text."""
        page = render("progress.html.j2", text=text, failed=f"{self._failed} failed" if self._failed else "")
        self._put({"text/plain": text, "text/html": page})

    def _bundle(self, done: int, total: int, text: str) -> dict[str, str]:
        failed = f"{self._failed} failed" if self._failed else ""
        page = render(
            "progress.html.j2",
            text=text,
            failed=failed,
            done=done,
            total=total,
            all_failed=0 < self._failed == self._finished,
        )
        return {"text/plain": f"{done}/{total} {f'{failed}; ' if failed else ''}{text}", "text/html": page}


class MarimoDisplay(NotebookDisplay):
    """The output of a cell of marimo, which the value of the cell replaces."""

    refresh_s = 0.0  # marimo shows nothing from another thread

    def _put(self, bundle: dict[str, str]) -> None:
        marimo = sys.modules["marimo"]
        marimo.output.replace(marimo.Html(bundle["text/html"]))


class LineDisplay:
    """A line on stderr for each step (``verbose=True``)."""

    def show(self, done: int, total: int, text: str) -> None:
        """Write a line."""
        self._write(f"[hfbench {done}/{total}] {text}")

    def log(self, text: str) -> None:
        """Write what a worker has printed."""
        self._write(text)

    def close(self, text: str) -> None:
        """Write the last line."""
        self._write(f"[hfbench] {text}")

    @staticmethod
    def _write(text: str) -> None:
        with _unless_lost:
            print(text, file=sys.stderr, flush=True)


class NoDisplay:
    """Shows nothing."""

    def show(self, done: int, total: int, text: str) -> None:
        """Do nothing."""

    def log(self, text: str) -> None:
        """Do nothing."""

    def close(self, text: str) -> None:
        """Do nothing."""


def check_display(display: object) -> None:
    """Raise unless progress can be shown on what was given.

    Raises
    ------
    ArgumentError
        If it is neither None nor a display.
    """
    methods = ("show", "log", "close")
    is_one = not isinstance(display, type) and all(callable(getattr(display, name, None)) for name in methods)
    if display is not None and not is_one:
        allowed = f"None, or an object with the methods {', '.join(methods[:-1])} and {methods[-1]}"
        raise wrong_value("display", display, f"{allowed}, such as hfbench_nb.execution.displays.NoDisplay()")


def choose_display(*, verbose: bool) -> Display:
    """Return the display for the notebook or terminal in which this runs."""
    if sys.stderr is None:  # the process was started without it
        return NoDisplay()
    if verbose:
        return LineDisplay()
    if in_notebook():
        return NotebookDisplay()
    return MarimoDisplay() if _in_marimo() else TerminalDisplay()


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel; loads nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _in_marimo() -> bool:
    """Return whether this runs in a cell of marimo; loads nothing."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())
