"""Earlier runs in the panel: to look at them again, and to go on with one that was stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable

import ipywidgets as widgets

from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.facade.earlier_runs import describe_run, runs
from hfbench_nb.facade.loading import load_results
from hfbench_nb.frontends.widgets.fields import Message
from hfbench_nb.frontends.widgets.panel_parts import Fold, make_button
from hfbench_nb.frontends.widgets.result_tabs import Curves
from hfbench_nb.protocol.errors import ArgumentError

Show = Callable[[str, BenchmarkResults], None]
"""Called with the folder of a run and its results."""


class OpenedRun:
    """A stored run that a panel shows.

    Parameters
    ----------
    results
        Its results.

    Attributes
    ----------
    curves
        Their curves.
    failed
        How many of its cases have failed.
    """

    def __init__(self, results: BenchmarkResults) -> None:
        self.results, self.curves = results, Curves()
        self.curves.draw(results, at_once=True)
        self.failed = sum(not measurement.succeeded for _, measurement in results.entries)


class EarlierRuns:
    """A list of the runs in the user's cache, with buttons to open one and to resume one.

    Parameters
    ----------
    lock
        Held while widgets are changed.
    on_open, on_resume
        Called with the run that was chosen.
    """

    def __init__(self, lock: threading.RLock, on_open: Show, on_resume: Show) -> None:
        self._lock = lock
        self._list = widgets.Dropdown(
            description="Run", style={"description_width": "40px"}, layout={"flex": "1 1 20rem", "width": "auto"}
        )
        self._list.add_class("hfbench-earlier-list")
        self._open = make_button("open", "Open", "folder-open-o", "", "Show its results, and its arguments in the form")
        self._resume = make_button("resume", "Resume", "forward", "", "Measure the cases that are still missing")
        self._open.on_click(lambda button: self._choose(on_open))
        self._resume.on_click(lambda button: self._choose(on_resume))
        self._problem = Message()
        line = widgets.HBox([self._list, self._open, self._resume], layout={"flex_flow": "row wrap"})
        self.box = Fold("Earlier runs", [line, self._problem])
        self.box.add_class("hfbench-earlier")
        self.box.button.observe(lambda change: self.refresh(), "value")

    def refresh(self, *, can_resume: bool = True) -> None:
        """List the runs, if the list is open: reading it takes time."""
        with self._lock:
            if not self.box.is_open:
                return
            listed = [(describe_run(run), run["folder"]) for run in runs().to_dict("records")]
            before = self._list.value
            self._list.options = listed or [("No run is stored in your cache yet.", "")]
            folders = [folder for _, folder in self._list.options]
            self._list.value = before if before in folders else folders[0]
            self._open.disabled = not listed
            self._resume.disabled = not listed or not can_resume

    def _choose(self, show: Show) -> None:
        with self._lock:
            problem, folder = "", self._list.value
            try:
                show(folder, load_results(folder))
            except ArgumentError as error:
                problem = error.for_forms
            self._problem.tell(problem)
