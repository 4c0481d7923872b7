"""The control panel: a form, buttons, and the results of the run."""

from __future__ import annotations

import functools
import html
import itertools
import threading
import time
import traceback
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import differing
from hfbench_nb.arguments.frameworks import framework_named, framework_of
from hfbench_nb.execution.benchmark import Benchmark
from hfbench_nb.execution.largest import check_hunt, find_largest
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.frontends.widgets.background import BackgroundRun, current_run
from hfbench_nb.frontends.widgets.fit import FitPart
from hfbench_nb.frontends.widgets.form import Form
from hfbench_nb.frontends.widgets.needs import NeedsLine
from hfbench_nb.frontends.widgets.panel_parts import close_all_of, make_button
from hfbench_nb.frontends.widgets.result_tabs import ResultTabs, draw_curves, static_html
from hfbench_nb.frontends.widgets.style import SHEET
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.units import format_duration

# Drawing takes a fifth of a second: a sweep of quick cases should not wait for it after each case.
CURVES_EVERY_S = 2.0

_numbers = itertools.count(1)
_panels: weakref.WeakSet[Panel] = weakref.WeakSet()


def panel(args: BenchmarkArguments | None = None, *, framework: str = "PyTorch", **values: Any) -> Panel:
    """Make a control panel for a notebook.

    Parameters
    ----------
    args
        Arguments that the form shows initially; alternatively, give single values.
    framework
        ``PyTorch`` or ``TensorFlow``.
    **values
        Values of the arguments' fields, such as ``models=["gpt2"]`` and ``batch_sizes=[1]``.

    Returns
    -------
    Panel
        Displayed if it is the value of a notebook cell.

    Raises
    ------
    ArgumentError
        If a value cannot be used.

    Examples
    --------
    >>> import hfbench_nb
    >>> hfbench_nb.panel(models=["gpt2"], batch_sizes=[1]).args.batch_sizes
    [1]
    """
    if args is not None:
        if values:
            raise ArgumentError(f"args and {', '.join(values)} were given: give one or the other.", "args", *values)
        args.check()
        chosen = framework_of(args)
        assert chosen is not None
        return Panel(chosen.name, differing(args))
    named = framework_named(framework)
    try:
        checked = named.arguments_class(**values)
        values = {name: getattr(checked, name, value) for name, value in values.items()}  # a single model as a list
    except ArgumentError as error:
        if "models" in values or error.parameters != ("models",):  # models can be named later
            raise
    return Panel(named.name, values)


class Panel:
    """A control panel; `panel` makes one.

    Runs are in background threads, one per kernel at a time: the kernel stays free for other notebook cells.

    Attributes
    ----------
    widget
        The widgets.
    """

    def __init__(self, framework: str, values: dict[str, Any]) -> None:
        # Callbacks, runs and notebook cells may be in different threads: whoever changes widgets holds this lock.
        self._lock = threading.RLock()
        self._background: BackgroundRun | None = None
        self._curves_png, self._curves_drawn_s = b"", 0.0
        self._static_class = f"hfbench-static-{next(_numbers)}"
        self._display_id = uuid.uuid4().hex
        self._is_shown = False
        self._run, self._stop, self._reset = (
            make_button(*facts)
            for facts in (
                ("run", "Run", "play", "success", "Measure"),
                ("stop", "Stop", "stop", "danger", "Stop the current measurement; finished cases are kept"),
                ("reset", "Reset", "undo", "", "Restore the initial values of the form"),
            )
        )
        self._bar = widgets.IntProgress(layout={"flex": "1 1 10rem", "width": "auto"})
        self._bar.add_class("hfbench-progress")
        self._status = widgets.HTML()
        self._status.add_class("hfbench-status")
        self._tabs = ResultTabs()
        self._needs = NeedsLine(self._lock)
        self._fit = FitPart(self._on_find)
        self._form = Form(framework, values, self._lock, self._refresh)
        self._run.on_click(self._on_run)
        self._stop.on_click(self._on_stop)
        self._reset.on_click(lambda button: self._form.reset())
        sheet = widgets.HTML(f"<style>{SHEET}.{self._static_class} {{ display: none; }}</style>")
        sheet.layout.display = "none"
        buttons = widgets.HBox([self._run, self._stop, self._reset, self._bar], layout={"align_items": "center"})
        self.widget = widgets.VBox(
            [sheet, self._form.box, self._fit.box, buttons, self._needs.line, self._status, self._tabs.box]
        )
        self.widget.add_class("hfbench-panel")
        _panels.add(self)
        self._form.reset()

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
        """The results of the last run, also while it is in progress; None before the first."""
        return None if self._background is None else self._background.results

    def __repr__(self) -> str:
        return "hfbench_nb control panel (needs a live notebook)"

    def _ipython_display_(self) -> None:
        """Show the widgets, and the last results for pages without live widgets."""
        from IPython.display import display

        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        display(  # type: ignore[no-untyped-call]
            {"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view}, raw=True
        )
        display(self._static_bundle(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]
        self._is_shown = True

    def _static_bundle(self) -> dict[str, str]:
        results = self.results
        text = repr(results) if results is not None and results.entries else "No results yet"
        return {"text/plain": text, "text/html": static_html(results, self._curves_png, self._static_class)}

    def close(self) -> None:
        """Stop this panel's run and remove its widgets."""
        self._needs.stop()
        if self._background is not None:
            self._background.stop()
        _panels.discard(self)
        with self._lock:
            close_all_of(self.widget)

    # ---- buttons

    def _on_run(self, button: object) -> None:
        self._start(Benchmark.run)

    def _on_find(self, hunt: dict[str, Any]) -> None:
        check_hunt(**hunt)
        self._start(functools.partial(find_largest, **hunt))

    def _start(self, carry_out: Callable[..., BenchmarkResults]) -> None:
        with self._lock:
            self._form.check()  # file names contain the time; folders may have been removed
            if self._form.args is None:
                return
            former = self._background
            self._background = BackgroundRun(self._form.args, self._form.run_options, self, carry_out)
            try:
                self._background.start()
            except ArgumentError:  # another run is in progress, which every panel shows
                self._background = former
            else:
                self._curves_png = b""
                self._tabs.show(None, b"")
        _refresh_all()

    def _on_stop(self, button: object) -> None:
        run = current_run()
        if run is not None:
            run.stop()
        _refresh_all()

    # ---- showing

    def _refresh(self) -> None:
        """Update which buttons can be pressed, the code, and why Run is disabled."""
        with self._lock:
            run = current_run()
            can_run = self._form.args is not None and run is None
            self._run.disabled = self._run.disabled or not can_run
            self._fit.allow(can_run=can_run)
            self._needs.follow(self._form.args, is_measuring=run is not None)
            self._tabs.show_code(self._form.args, self._form.run_options)
            if run is None and self._form.args is None:
                self._say(self._form.hint)
            elif run is not None and run is not self._background:
                self._say("Another panel of this kernel is measuring: Stop ends that run.")
            else:
                self._show_progress()
            self._stop.disabled = run is None or run.was_stopped
            self._run.disabled = not can_run  # enabled last, once everything is shown

    def _show_progress(self) -> None:
        run = self._background
        with self._lock:
            if run is None:
                self._say("")
                return
            self._bar.max, self._bar.value = run.total, run.done
            self._tabs.show_log(run.lines)
            if run.is_over:
                self._bar.bar_style = "danger" if run.failure else "warning" if run.was_stopped else "success"
                self._say(run.failure or f"{'Stopped: ' if run.was_stopped else ''}{run.text}.")
            else:
                self._bar.bar_style = "info"
                doing = "stopping" if run.was_stopped else run.text
                self._say(f"{run.done} of {run.total} measurements in {format_duration(run.elapsed_s)}; {doing}")

    def _say(self, text: str) -> None:
        self._status.value = html.escape(text)

    # ---- notifications from the threads of a run

    def on_tick(self) -> None:
        """Update the clock."""
        self._show_progress()

    def on_case(self) -> None:
        """Update table and curves."""
        self._show_results(with_curves=time.monotonic() - self._curves_drawn_s > CURVES_EVERY_S)

    def on_end(self) -> None:
        """Show everything, also for pages without live widgets."""
        self._show_results(with_curves=True)
        if self._is_shown:
            from IPython.display import update_display

            update_display(self._static_bundle(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def on_free(self) -> None:
        """Enable Run in every panel."""
        _refresh_all()

    def _show_results(self, *, with_curves: bool) -> None:
        assert self._background is not None
        results = self.results
        try:
            if results is not None and with_curves:
                self._curves_png = draw_curves(results)
                self._curves_drawn_s = time.monotonic()
            with self._lock:
                self._tabs.show(results, self._curves_png)
        except Exception:  # a failure to draw must not end the measurement
            self._background.log(traceback.format_exc())
        self._show_progress()


def _refresh_all() -> None:
    """Update every panel of the kernel: whether a run can start."""
    for shown in list(_panels):
        shown._refresh()
