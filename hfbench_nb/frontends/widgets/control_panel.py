"""The control panel: a form, buttons, and the results of the run; `hfbench_nb.frontends.widgets.making` makes one."""

from __future__ import annotations

import functools
import itertools
import threading
import traceback
import weakref
from collections.abc import Callable
from typing import Any

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.execution.benchmark import Benchmark
from hfbench_nb.execution.early import start_early
from hfbench_nb.execution.largest import check_hunt, find_largest
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.frontends.widgets.background import BackgroundRun, current_run
from hfbench_nb.frontends.widgets.earlier import EarlierRuns, OpenedRun
from hfbench_nb.frontends.widgets.exports import Exports
from hfbench_nb.frontends.widgets.fit import FitPart
from hfbench_nb.frontends.widgets.form import Form
from hfbench_nb.frontends.widgets.needs import NeedsLine
from hfbench_nb.frontends.widgets.page import (
    NEEDS_JUPYTER,
    Root,
    StaticResults,
    make_sheet,
    name_in_notebook,
    show_widget,
)
from hfbench_nb.frontends.widgets.panel_parts import Controls, Status
from hfbench_nb.frontends.widgets.result_tabs import ResultTabs, prepare_drawing
from hfbench_nb.frontends.widgets.subshells import keep_to_page
from hfbench_nb.frontends.widgets.words import describe_opened, describe_plan, describe_progress
from hfbench_nb.protocol.errors import ArgumentError

_numbers = itertools.count(1)
_panels: weakref.WeakSet[Panel] = weakref.WeakSet()


class Panel:
    """A control panel; `panel` makes one.

    Runs are in background threads, one per kernel at a time: the kernel stays free for other notebook cells.

    Attributes
    ----------
    widget
        The widgets.
    """

    def __init__(self, framework: str, values: dict[str, Any]) -> None:
        # Callbacks, runs and notebook cells may be in different threads: a thread that changes widgets holds this lock.
        self._lock = threading.RLock()
        former = _former(framework, values)
        self._number, self._start_values = next(_numbers), (framework, values)
        self._run: BackgroundRun | OpenedRun | None = None
        self._before: BackgroundRun | OpenedRun | None = None  # the last run with results
        self._ran: dict[str, Any] | None = None
        self._static = StaticResults(f"hfbench-static-{self._number}")
        self._controls = Controls(self._on_run, self._end, self._start_over)
        self._status = Status()
        self._tabs = ResultTabs()
        self._needs = NeedsLine(self._lock)
        self._fit = FitPart(self._on_find)
        self._form = Form(framework, values, self._lock, self._refresh)
        self._exports = Exports(self._lock, lambda: self.results)
        self._earlier = EarlierRuns(self._lock, self._on_open, self._on_resume)
        parts = (self._form, self._fit, self._earlier, self._controls)
        lines = (self._needs.line, self._status, self._exports.box)
        boxes = [*(part.box for part in parts), *lines, self._tabs.box]
        self.widget = Root(self._static.on_new_page, [make_sheet(self._static.css_class), *boxes])
        self.widget.add_class("hfbench-panel")
        keep_to_page(self.widget)
        _panels.add(self)
        self._form.reset()
        # The cell may have been run again: what goes on is shown, or else what it has shown before.
        if (going_on := current_run()) is not None:
            self._run, self._ran = going_on, self._form.described
            going_on.watch(self)
            self._show_results(going_on, at_once=False)
        elif former is not None:
            self._show_run(*former)

    @property
    def args(self) -> BenchmarkArguments:
        """The arguments that the form describes.

        Raises
        ------
        ArgumentError
            If something on the form is wrong, or no model is named.
        """
        if self._form.args is None:
            raise ArgumentError(f"The panel describes no run. {self._form.hint}")
        return self._form.args

    @property
    def results(self) -> BenchmarkResults | None:
        """The results of the last run, also while it is in progress, or those that were opened; None before.

        A run that could not begin has none, and leaves those of the run before.
        """
        return None if self._shown is None else self._shown.results

    @property
    def _shown(self) -> BackgroundRun | OpenedRun | None:
        """The run whose results are shown."""
        run = self._run
        has_none = isinstance(run, BackgroundRun) and run.is_over and run.results is None
        return self._before if has_none else run

    def __repr__(self) -> str:
        return "hfbench_nb control panel (needs a live notebook)"

    def _repr_html_(self) -> str:
        return NEEDS_JUPYTER

    def _ipython_display_(self) -> None:
        """Show the widgets, and the last results for pages without live widgets."""
        show_widget(self.widget, repr(self))
        self._static.display(self.results, self._png)
        self._exports.show(name_in_notebook(self))
        start_early(self._form.args)
        prepare_drawing()

    @property
    def _png(self) -> bytes:
        return b"" if self._shown is None else self._shown.curves.png

    def close(self) -> None:
        """Stop this panel's run and remove its widgets."""
        self._needs.stop()
        if isinstance(self._run, BackgroundRun):
            self._run.stop()
        _panels.discard(self)
        with self._lock:
            self.widget.close_all()

    # ---- buttons

    def _on_run(self) -> None:
        self._start(Benchmark.run)

    def _on_find(self, hunt: dict[str, Any]) -> None:
        check_hunt(**hunt)
        self._start(functools.partial(find_largest, **hunt))

    def _start(self, carry_out: Callable[..., BenchmarkResults]) -> None:
        with self._lock:
            self._form.check()  # file names contain the time; folders may have been removed
            if self._form.args is None:
                return
            former, self._before = self._run, self._shown
            run = BackgroundRun(self._form.args, self._form.run_options, self, carry_out)
            self._run = run
            try:
                run.start()
            except ArgumentError:  # another run is in progress, which every panel shows
                self._run = former
            else:
                self._ran = self._form.described
                self._tabs.show(None, b"")
                self._exports.clear()
        _refresh_all()

    def _start_over(self) -> None:
        with self._lock:
            if current_run() is None:
                self._ran = None
            self._form.reset()

    def _on_open(self, folder: str, results: BenchmarkResults) -> None:
        """Show an earlier run, and its arguments in the form."""
        if current_run() is not None:
            raise ArgumentError("A run is in progress: Stop ends it.")
        self._show_run(OpenedRun(results), results)
        self._static.update(results, self._png)
        self._show_progress()

    def _show_run(self, run: BackgroundRun | OpenedRun, results: BenchmarkResults) -> None:
        """Show a run that is over, and its arguments in the form."""
        self._form.show_run(results)
        self._run, self._ran = run, self._form.described
        self._tabs.show(results, run.curves.png)
        self._exports.clear()
        self._refresh()

    def _on_resume(self, folder: str, results: BenchmarkResults) -> None:
        """Measure what an earlier run lacks."""
        self._on_open(folder, results)
        self._form.fields["resume"].value = folder
        self._on_run()

    def _end(self) -> None:
        run = current_run()
        if run is not None:
            run.stop()
        _refresh_all()

    # ---- showing

    def _refresh(self) -> None:
        """Update which buttons can be pressed, the code, and what the line of status says."""
        with self._lock:
            run = current_run()
            can_run = self._form.args is not None and run is None
            self._controls.run.disabled = self._controls.run.disabled or not can_run
            self._fit.allow(can_run=can_run)
            self._needs.follow(self._form.args, is_measuring=run is not None)
            self._tabs.show_code(self._form.args, self._form.run_options)
            if run is not None and run is not self._run:
                self._status.say("Another panel of this kernel is measuring: Stop ends that run.")
            elif run is None and (self._form.args is None or self._form.described != self._ran):
                self._controls.bar.clear()
                self._status.say(self._form.hint or describe_plan(self._form.args))
            else:
                self._show_progress()
            self._exports.show(name_in_notebook(self))
            self._controls.stop.disabled = run is None or run.was_stopped
            self._controls.run.disabled = not can_run  # enabled last, once everything is shown

    def _show_progress(self) -> None:
        run = self._run
        with self._lock:
            if not isinstance(run, BackgroundRun):
                if run is None:
                    self._status.say("")
                else:
                    self._status.say(describe_opened(run, self._static.note), run.failed)
                return
            self._controls.bar.show(run.done, run.total, run.state)
            self._tabs.show_log(run.lines)
            note = self._static.note if self._shown is run or self.results is None else "Below is the run before."
            self._status.say(describe_progress(run, note), run.failed)

    # ---- notifications from the threads of a run

    def on_tick(self) -> None:
        """Update the clock."""
        self._show_progress()

    def on_case(self, run: BackgroundRun) -> None:
        """Update table and curves, now and then for pages without live widgets, too."""
        self._show_results(run, at_once=False)

    def on_end(self, run: BackgroundRun) -> None:
        """Show everything, also for pages without live widgets."""
        self._show_results(run, at_once=True)
        with self._lock:
            if run.results is None:
                self._tabs.show(self.results, self._png)
        self._static.update(self.results, self._png)
        self._show_progress()

    def on_free(self) -> None:
        """Enable Run in every panel."""
        _refresh_all()

    def _show_results(self, run: BackgroundRun, *, at_once: bool) -> None:
        try:
            if (results := run.results) is not None:
                with self._lock:
                    self._tabs.show_table(results)
                self._show_progress()
                png = run.curves.draw(results, at_once=at_once)
                with self._lock:
                    self._tabs.show_curves(png)
                self._static.follow(results, png)
        except Exception:  # a failure to draw must not end the measurement
            run.log(traceback.format_exc())
        self._show_progress()


def _former(framework: str, values: dict[str, Any]) -> tuple[BackgroundRun | OpenedRun, BenchmarkResults] | None:
    """Return what the last panel with the same initial values shows, which its cell may have made; None if nothing."""
    for panel in sorted(_panels, key=lambda panel: panel._number, reverse=True):
        results = panel.results
        if panel._start_values == (framework, values) and panel._shown is not None and results and results.entries:
            return panel._shown, results
    return None


def _refresh_all() -> None:
    """Update every panel of the kernel: whether a run can start."""
    for shown in list(_panels):
        shown._refresh()
