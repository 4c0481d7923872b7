"""Showing how far a run is: a bar on stderr in a terminal, one updated output in a notebook."""

from __future__ import annotations

import html
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from hfbench_nb.protocol.records import Cell, Measurement
from hfbench_nb.rendering.units import format_duration

_Size = tuple[str, int | None, int | None]


class Estimate:
    """Estimates how long the rest of a run takes, from the cells that are finished.

    A cell is expected to take as long as finished cells of its task and sizes did, on average; or, where there are
    none yet, as long as any cell did.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        # By task and sizes, of which there are few, however many cells there are: this is asked for at every message.
        self._left = Counter(map(_size, cells))
        self._finished: Counter[_Size] = Counter()
        self._seconds: dict[_Size, float] = {}

    def leave_out(self, cell: Cell) -> None:
        """Take note of a cell that will not be measured."""
        self._left[_size(cell)] -= 1

    def finish(self, cell: Cell, seconds: float) -> None:
        """Take note of a finished cell."""
        size = _size(cell)
        self._left[size] -= 1
        self._finished[size] += 1
        self._seconds[size] = self._seconds.get(size, 0.0) + seconds

    def remaining_s(self) -> float | None:
        """Give the seconds that the cells that are left are expected to take; None before the first is finished."""
        if not self._seconds:
            return None
        overall = sum(self._seconds.values()) / self._finished.total()
        means = {size: seconds / self._finished[size] for size, seconds in self._seconds.items()}
        return sum(count * means.get(size, overall) for size, count in self._left.items())


def _size(cell: Cell) -> _Size:
    return cell.task, cell.batch_size, cell.sequence_length


class Display(Protocol):
    """Where progress is shown."""

    def show(self, done: int, total: int, text: str) -> None:
        """Show that `done` of `total` cells are finished, and what is going on."""
        ...

    def log(self, text: str) -> None:
        """Show what a measuring process has printed, where there is room for it."""
        ...

    def close(self, text: str) -> None:
        """Show the last word."""
        ...


class Progress:
    """Follows a run and shows it.

    Parameters
    ----------
    cells
        The cells that will be measured.
    display
        Where to show it.
    """

    def __init__(self, cells: Sequence[Cell], display: Display) -> None:
        self._cells = cells
        self._display = display
        self._estimate = Estimate(cells)
        self._done = self._kept = 0
        self._shown = ""
        self._current: Cell | None = None
        self._start = self._cell_start = time.monotonic()
        self._show("starting the measurement server")

    def keep(self, cells: Iterable[Cell]) -> None:
        """Take note of cells that an earlier run has finished."""
        for cell in cells:
            self._estimate.leave_out(cell)
            self._kept += 1
        self._done = self._kept

    def wait(self, reason: str) -> None:
        """Show that nothing is done at present, and why."""
        self._show(reason)

    def begin(self, cell: Cell) -> None:
        """Show that a cell is begun."""
        self._current, self._cell_start = cell, time.monotonic()
        self._show("starting")

    def follow(self, message: dict[str, Any]) -> None:
        """Show what the measuring process tells."""
        if message["event"] == "progress":
            samples = message.get("samples")
            self._show(message["phase"] if not samples else f"{message['phase']}, {samples} samples")
        elif message["event"] == "log":
            self._display.log(message["text"])

    def finish(self, cell: Cell, measurement: Measurement) -> None:
        """Show that a cell is finished."""
        self._estimate.finish(cell, time.monotonic() - self._cell_start)
        self._done += 1
        if measurement.failure is not None and measurement.failure.traceback:
            self._display.log(measurement.failure.traceback)
        self._show(measurement.status)

    def close(self) -> None:
        """Show that the run is over, or was stopped."""
        took = format_duration(time.monotonic() - self._start)
        kept = f", {self._kept} of them kept from before" if self._kept else ""
        self._display.close(f"{self._done} of {len(self._cells)} cells in {took}{kept}")

    def _show(self, doing: str) -> None:
        remaining_s = self._estimate.remaining_s()
        left = "" if remaining_s is None else f"about {format_duration(remaining_s)} left; "
        where = f": {self._current}" if self._current is not None else ""
        text = f"{left}{doing}{where}"
        if text != self._shown:
            self._shown = text
            self._display.show(self._done, len(self._cells), text)


class TerminalDisplay:
    """A bar on stderr; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._bar: Any = None

    def show(self, done: int, total: int, text: str) -> None:
        """Redraw the bar."""
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
        """Do nothing: the terminal is the report's."""

    def close(self, text: str) -> None:
        """Take the bar away: the report follows."""
        if self._bar is not None:
            self._bar.close()


class NotebookDisplay:
    """One output of the notebook that is updated in place, also from other threads, and survives being saved."""

    def __init__(self) -> None:
        from IPython.display import display

        self._handle = display(  # type: ignore[no-untyped-call]
            self._bundle(0, 1, "starting"), raw=True, display_id=True
        )

    def show(self, done: int, total: int, text: str) -> None:
        """Update the output."""
        self._handle.update(self._bundle(done, total, text), raw=True)

    def log(self, text: str) -> None:
        """Do nothing: the output is the table's."""

    def close(self, text: str) -> None:
        """Leave one line of text behind."""
        self._handle.update({"text/plain": text, "text/html": f"<small>{html.escape(text)}</small>"}, raw=True)

    @staticmethod
    def _bundle(done: int, total: int, text: str) -> dict[str, str]:
        return {
            "text/plain": f"{done}/{total} {text}",
            "text/html": f'<progress value="{done}" max="{total}"></progress> {done}/{total} '
            f"<small>{html.escape(text)}</small>",
        }


class LineDisplay:
    """A line on stderr for each step (``verbose=True``)."""

    def show(self, done: int, total: int, text: str) -> None:
        """Write a line."""
        print(f"[hfbench {done}/{total}] {text}", file=sys.stderr, flush=True)

    def log(self, text: str) -> None:
        """Write what a measuring process has printed."""
        print(text, file=sys.stderr, flush=True)

    def close(self, text: str) -> None:
        """Write the last line."""
        print(f"[hfbench] {text}", file=sys.stderr, flush=True)


class NoDisplay:
    """Shows nothing."""

    def show(self, done: int, total: int, text: str) -> None:
        """Do nothing."""

    def log(self, text: str) -> None:
        """Do nothing."""

    def close(self, text: str) -> None:
        """Do nothing."""


def choose_display(*, verbose: bool) -> Display:
    """Give the display that fits the place where this runs."""
    if verbose:
        return LineDisplay()
    return NotebookDisplay() if in_notebook() else TerminalDisplay()


def in_notebook() -> bool:
    """Tell whether this runs in a Jupyter kernel; loads nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
