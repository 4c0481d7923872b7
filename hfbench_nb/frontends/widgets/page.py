"""The panel in a page: its style, its copy for pages without widgets, and what it means that a page is reloaded."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.frontends.widgets.result_tabs import static_html
from hfbench_nb.frontends.widgets.style import SHEET

NEEDS_JUPYTER = (
    "<p>The control panel of hfbench_nb needs Jupyter (JupyterLab, Colab or VS Code). Here, use "
    "<code>PyTorchBenchmark(PyTorchBenchmarkArguments(...)).run()</code>.</p>"
)
"""What is shown instead of a panel where there are no such widgets, as in marimo."""


class Root(widgets.VBox):  # type: ignore[misc]
    """The box with everything; it notices that a page which was reloaded asks for the state of its widgets.

    Parameters
    ----------
    on_new_page
        Called then.
    children
        What it holds.
    """

    def __init__(self, on_new_page: Callable[[], None], children: Sequence[widgets.Widget]) -> None:
        self._on_new_page = on_new_page
        super().__init__(list(children))

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """Return the state; all of it is asked for by a page that does not know the widget."""
        if key is None:
            self._on_new_page()
        return super().get_state(key=key, drop_defaults=drop_defaults)

    def close_all(self) -> None:
        """Remove this box and everything in it from the page and from the kernel."""
        _close(self)


def _close(widget: widgets.Widget) -> None:
    for child in getattr(widget, "children", ()):
        _close(child)
    widget.close()


class StaticResults:
    """The last results beside the widgets, for pages without live widgets: what a saved notebook holds of a panel.

    JupyterLab keeps which output an update is for in the page alone, as part of the execution of the cell.  A page that
    was reloaded drops all updates of outputs which it has not seen being made; what widgets print goes to its log; and
    widgets themselves are saved only if the user has asked for that in its settings.  So nothing but running the cell
    again brings new results into the notebook then: the panel says so, and a new panel shows what the former one did.

    Parameters
    ----------
    css_class
        A class by which a live page hides them.
    """

    def __init__(self, css_class: str) -> None:
        self.css_class = css_class
        self._display_id = uuid.uuid4().hex
        self._is_shown = self._is_lost = self._is_stale = False
        self._png = b""

    def display(self, results: BenchmarkResults | None, curves_png: bytes) -> None:
        """Add them to the output of the cell."""
        from IPython.display import display

        bundle = self._bundle(results, curves_png)
        display(bundle, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]
        self._is_shown, self._is_lost, self._is_stale = True, False, False

    def update(self, results: BenchmarkResults | None, curves_png: bytes) -> None:
        """Replace them in the output of the cell."""
        if self._is_shown:
            from IPython.display import update_display

            bundle = self._bundle(results, curves_png)
            update_display(bundle, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]
            self._is_stale = self._is_lost

    def follow(self, results: BenchmarkResults, curves_png: bytes) -> None:
        """Replace them if there are new curves, which are drawn every few seconds."""
        if curves_png is not self._png:
            self.update(results, curves_png)

    def on_new_page(self) -> None:
        """Note that the page was reloaded: it no longer knows which output an update is for."""
        self._is_lost = self._is_shown

    @property
    def note(self) -> str:
        """What to do so that the saved notebook holds the results that are shown; empty if it does."""
        if not self._is_stale:
            return ""
        return (
            "The page was reloaded, so the notebook still holds the results from before: run the panel's cell again "
            "before you save. It shows these results again."
        )

    def _bundle(self, results: BenchmarkResults | None, curves_png: bytes) -> dict[str, str]:
        self._png = curves_png
        text = repr(results) if results is not None and results.entries else "No results yet"
        return {"text/plain": text, "text/html": static_html(results, curves_png, self.css_class)}


def show_widget(widget: widgets.Widget, text: str) -> None:
    """Add a widget to the output of the cell, with a text for where there are no widgets."""
    from IPython.display import display

    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    bundle = {"text/plain": text, "application/vnd.jupyter.widget-view+json": view}
    display(bundle, raw=True)  # type: ignore[no-untyped-call]


def make_sheet(hidden_class: str) -> widgets.HTML:
    """Make the style sheet, which hides what has a class."""
    sheet = widgets.HTML(f"<style>{SHEET}.{hidden_class} {{ display: none; }}</style>")
    sheet.layout.display = "none"
    return sheet


def name_in_notebook(panel: Any) -> str:
    """Return the code that gives the results of a panel in Python."""
    from IPython import get_ipython

    shell = get_ipython()
    variables = {} if shell is None else dict(shell.user_ns)
    names = [name for name, value in variables.items() if value is panel and not name.startswith("_")]
    if names:
        return f"{names[0]}.results"
    folder = None if panel.results is None else panel.results.folder
    return "hfbench_nb.last_results()" if folder is None else f"hfbench_nb.load_results({str(folder)!r})"
