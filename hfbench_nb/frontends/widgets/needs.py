"""What the largest cases of the form would need, said beside Run before anything is measured."""

from __future__ import annotations

import html
import threading

import ipywidgets as widgets

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.display.estimate import Estimate
from hfbench_nb.execution.benchmarks import make_benchmark
from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.displays import NoDisplay
from hfbench_nb.execution.estimating import estimate_largest_cases
from hfbench_nb.protocol.errors import HfbenchError

# Each character that is typed changes the form: an estimate is for a form that rests.
QUIET_S = 0.8


class NeedsLine:
    """A line that says what the largest cases need and whether that fits this machine; a warning if not.

    Estimates are made in a background thread, never while something is measured.

    Parameters
    ----------
    lock
        Held while the widget is changed.

    Attributes
    ----------
    line
        The widget; hidden while there is nothing to say.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self.line = widgets.HTML()
        self.line.add_class("hfbench-needs")
        self._lock = lock
        self._args: BenchmarkArguments | None = None
        self._is_known = False
        self._waiting: threading.Timer | None = None
        self._cancellation = Cancellation()
        self._say("")

    def follow(self, args: BenchmarkArguments | None, *, is_measuring: bool) -> None:
        """Keep up with the form: its arguments, if they are complete, and whether a run is in progress."""
        with self._lock:
            if is_measuring:
                self.stop()
                return
            if args == self._args and (self._is_known or self._waiting is not None):
                return
            self.stop()
            self._args, self._is_known = args, False
            self._say("")
            if args is not None and FRAMEWORKS[args.framework].estimating_backend:
                self._cancellation = Cancellation()
                self._waiting = threading.Timer(QUIET_S, self._estimate, (args, self._cancellation))
                self._waiting.daemon = True
                self._waiting.start()

    def stop(self) -> None:
        """End an estimate that is being made."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.cancel()
                self._cancellation.cancel()
                self._waiting = None

    def _estimate(self, args: BenchmarkArguments, cancellation: Cancellation) -> None:
        try:
            found = estimate_largest_cases(make_benchmark(args), NoDisplay(), cancellation)
        except Cancelled:
            return
        except HfbenchError as error:
            text, is_warning = f"No estimate: {getattr(error, 'for_forms', error)}", False
        else:
            text, is_warning = _in_words(found)
        with self._lock:
            if cancellation is self._cancellation and self._waiting is not None:
                self._waiting, self._is_known = None, True
                self._say(text, is_warning=is_warning)

    def _say(self, text: str, *, is_warning: bool = False) -> None:
        (self.line.add_class if is_warning else self.line.remove_class)("hfbench-warning")
        self.line.value = f'<span role="{"alert" if is_warning else "status"}">{html.escape(text)}</span>'
        self.line.layout.display = "" if text else "none"


def _in_words(found: Estimate) -> tuple[str, bool]:
    return found.in_words(), bool(found.too_large)
