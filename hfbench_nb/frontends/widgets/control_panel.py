"""The control panel: a form, buttons, and what the run finds."""

from __future__ import annotations

import html
import itertools
import threading
import time
import traceback
import uuid
import weakref
from typing import Any

import ipywidgets as widgets

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.frontends.widgets.background import BackgroundRun, current_run
from hfbench_nb.frontends.widgets.form import FRAMEWORKS, Form
from hfbench_nb.frontends.widgets.result_tabs import ResultTabs, draw_curves, static_html
from hfbench_nb.frontends.widgets.style import SHEET
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.rendering.units import format_duration

# Drawing takes a fifth of a second: a sweep of quick cells should not wait for it after each.
CURVES_EVERY_S = 2.0

_numbers = itertools.count(1)
_panels: weakref.WeakSet[Panel] = weakref.WeakSet()


def panel(args: BenchmarkArguments | None = None, *, framework: str = "PyTorch", **values: Any) -> Panel:
    """Make a control panel for a notebook.

    Parameters
    ----------
    args
        Arguments that the form shows at first; or give single values.
    framework
        ``PyTorch`` or ``TensorFlow``.
    **values
        Values of the arguments' fields, such as ``models=["gpt2"]`` and ``batch_sizes=[1]``.

    Returns
    -------
    Panel
        As the value of a cell it is shown.

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
            raise ArgumentError(f"args and {', '.join(values)} were given: give one or the other.")
        args.check()
        return Panel(args, args.models)
    if framework not in FRAMEWORKS:
        raise wrong_value("framework", framework, " or ".join(map(repr, FRAMEWORKS)))
    models = values.pop("models", [])
    return Panel(FRAMEWORKS[framework](models=models or ["any"], **values), models)


class Panel:
    """A control panel; `panel` makes one.

    Runs go on in threads, one a kernel at a time: the kernel stays free for other cells.

    Attributes
    ----------
    widget
        The widgets.
    """

    def __init__(self, start: BenchmarkArguments, models: list[str]) -> None:
        # Callbacks may come in threads, beside a run's and beside cells: whoever changes widgets holds this.
        self._lock = threading.RLock()
        self._background: BackgroundRun | None = None
        self._curves_png, self._curves_drawn_s = b"", 0.0
        self._static_class = f"hfbench-static-{next(_numbers)}"
        self._display_id = uuid.uuid4().hex
        self._is_shown = False
        self._run, self._stop, self._reset = (
            self._make_button(*facts)
            for facts in (
                ("run", "Run", "play", "success", "Measure"),
                ("stop", "Stop", "stop", "danger", "End the measurement that is going on; finished cells stay"),
                ("reset", "Reset", "undo", "", "Put the form back to how it was at first"),
            )
        )
        self._bar = widgets.IntProgress(layout={"flex": "1 1 10rem", "width": "auto"})
        self._bar.add_class("hfbench-progress")
        self._status = widgets.HTML()
        self._status.add_class("hfbench-status")
        self._tabs = ResultTabs()
        self._form = Form(start, models, self._lock, self._refresh)
        self._run.on_click(self._on_run)
        self._stop.on_click(self._on_stop)
        self._reset.on_click(lambda button: self._form.reset())
        sheet = widgets.HTML(f"<style>{SHEET}.{self._static_class} {{ display: none; }}</style>")
        sheet.layout.display = "none"
        buttons = widgets.HBox([self._run, self._stop, self._reset, self._bar], layout={"align_items": "center"})
        self.widget = widgets.VBox([sheet, self._form.box, buttons, self._status, self._tabs.box])
        self.widget.add_class("hfbench-panel")
        _panels.add(self)
        self._form.reset()

    @staticmethod
    def _make_button(name: str, text: str, icon: str, style: str, tooltip: str) -> widgets.Button:
        button = widgets.Button(
            description=text, icon=icon, button_style=style, tooltip=tooltip, layout={"width": "90px"}
        )
        button.add_class(f"hfbench-{name}")
        return button

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
        """What the last run has found, also while it is going on; None before the first."""
        return None if self._background is None else self._background.results

    def __repr__(self) -> str:
        return "hfbench_nb control panel (needs a live notebook)"

    def _ipython_display_(self) -> None:
        """Show the widgets, and beside them the last results for pages where widgets do not live."""
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
        """Stop this panel's run and take its widgets away."""
        if self._background is not None:
            self._background.stop()
        _panels.discard(self)
        with self._lock:
            _close(self.widget)

    # ---- buttons

    def _on_run(self, button: object) -> None:
        with self._lock:
            self._form.check()  # names of files carry the time; folders may have gone
            if self._form.args is None:
                return
            former, self._background = self._background, BackgroundRun(self._form.args, self)
            try:
                self._background.start()
            except ArgumentError:  # a run is going on, which every panel says
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
        """Show which buttons can be pressed, the code, and why Run is off."""
        with self._lock:
            run = current_run()
            self._run.disabled = self._form.args is None or run is not None
            self._stop.disabled = run is None or run.was_stopped
            self._tabs.show_code(self._form.args)
            if run is None and self._form.args is None:
                self._say(self._form.hint)
            elif run is not None and run is not self._background:
                self._say("Another panel of this kernel is measuring: Stop ends that run.")
            else:
                self._show_progress()

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
                self._say(f"{run.done} of {run.total} cells in {format_duration(run.elapsed_s)}; {doing}")

    def _say(self, text: str) -> None:
        self._status.value = html.escape(text)

    # ---- what a run tells, from its threads

    def on_tick(self) -> None:
        """Let the clock go on."""
        self._show_progress()

    def on_cell(self) -> None:
        """Let table and curves grow."""
        self._show_results(with_curves=time.monotonic() - self._curves_drawn_s > CURVES_EVERY_S)

    def on_end(self) -> None:
        """Show everything, also where widgets do not live."""
        self._show_results(with_curves=True)
        if self._is_shown:
            from IPython.display import update_display

            update_display(self._static_bundle(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def on_free(self) -> None:
        """Let every panel run again."""
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
        except Exception:  # the measurement must not end because a picture of it fails
            self._background.log(traceback.format_exc())
        self._show_progress()


def _close(widget: widgets.Widget) -> None:
    for child in getattr(widget, "children", ()):
        _close(child)
    widget.close()


def _refresh_all() -> None:
    """Show in every panel of the kernel whether a run can begin."""
    for shown in list(_panels):
        shown._refresh()
