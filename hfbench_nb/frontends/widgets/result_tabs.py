"""The tabs with a run's results and its code."""

from __future__ import annotations

import base64
import html
import io
import math
import threading
import time
from collections.abc import Iterable
from importlib import import_module

import ipywidgets as widgets

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.display.html_tables import FoldedPart, ResultsPage
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.frontends.code_text import as_magic, as_python, as_shell
from hfbench_nb.frontends.run_options import RunOptions
from hfbench_nb.frontends.widgets.panel_parts import Fold
from hfbench_nb.results.metrics import headlines

_CODE = {"python": ("Python", as_python), "magic": ("Magic", as_magic), "shell": ("Shell", as_shell)}
_LETTERS_A_LINE = 70
# Drawing takes a fifth of a second: a sweep of quick cases should not wait for it after each case.
_CURVES_EVERY_S = 2.0


class ResultTabs:
    """Table, curves, environment, log and code."""

    def __init__(self) -> None:
        # The curves are HTML, too: an Image widget has no alternative text.
        self.table, self.curves, self.environment, self.log = (widgets.HTML() for _ in range(4))
        self._below: dict[str, tuple[Fold, widgets.HTML]] = {}
        self._table_box = widgets.VBox([self.table])
        self.code = {name: self._make_code(name, title) for name, (title, _) in _CODE.items()}
        tabs = {
            "Table": self._table_box,
            "Curves": self.curves,
            "Environment": self.environment,
            "Log": self.log,
            "Code": widgets.VBox(list(self.code.values())),
        }
        for name in ("table", "curves", "environment", "log"):
            getattr(self, name).add_class(f"hfbench-{name}")
        self.box = widgets.Tab(list(tabs.values()))
        for index, title in enumerate(tabs):
            self.box.set_title(index, title)
        self.box.add_class("hfbench-tabs")
        self.show(None, b"")
        self.show_log(())

    @staticmethod
    def _make_code(name: str, title: str) -> widgets.Textarea:
        area = widgets.Textarea(
            description=title, style={"description_width": "60px"}, layout={"width": "auto", "height": "auto"}
        )
        area.add_class("hfbench-code")
        area.add_class(f"hfbench-code-{name}")
        return area

    def show(self, results: BenchmarkResults | None, curves_png: bytes) -> None:
        """Show the results so far, and their curves."""
        self.show_table(results)
        self.show_curves(curves_png)

    def show_table(self, results: BenchmarkResults | None) -> None:
        """Show the results so far, without their curves, which take time to draw."""
        page = ResultsPage(results) if results is not None and results.entries else None
        self.table.value = (
            _scrolling(page.largest + str(page.main), "Results") if page is not None else "No case is finished yet."
        )
        # The environment has a tab of its own.
        self._show_below([part for part in page.folds if part.name != "environment"] if page is not None else [])
        self.environment.value = "Known once a run has begun." if results is None else results.environment._repr_html_()

    def _show_below(self, parts: list[FoldedPart]) -> None:
        """Show what is folded below the tables; what was unfolded stays so while rows arrive."""
        names = [part.name for part in parts]
        for part in parts:
            if part.name not in self._below:
                self._below[part.name] = _make_fold(part.name)
            fold, content = self._below[part.name]
            fold.button.description, content.value = part.title, _scrolling(part.content, part.title)
            (fold.button.add_class if part.is_open else fold.button.remove_class)("hfbench-failed")
            fold.is_open |= part.is_open and fold.layout.display == "none"
        shown = [self._below[name][0] for name in names]
        hidden = [fold for name, (fold, _) in self._below.items() if name not in names]
        for fold in (*shown, *hidden):
            fold.layout.display = "none" if fold in hidden else ""
        self._table_box.children = [self.table, *shown, *hidden]

    def show_curves(self, png: bytes) -> None:
        """Show an image of the curves."""
        self.curves.value = _image(png) or "Curves appear when the first case is finished."

    def show_log(self, lines: Iterable[str]) -> None:
        """Show the log."""
        text = "\n".join(lines)
        self.log.value = f'<pre tabindex="0">{html.escape(text)}</pre>' if text else "Nothing was logged yet."

    def show_code(self, args: BenchmarkArguments | None, options: RunOptions) -> None:
        """Show a run as text; empty while there are no arguments."""
        for name, (_, write) in _CODE.items():
            text = "" if args is None else write(args, options)
            area = self.code[name]
            area.value = text
            area.placeholder = "" if text else "Appears when the form is valid."
            area.rows = sum(1 + len(line) // _LETTERS_A_LINE for line in text.splitlines()) or 1


def _make_fold(name: str) -> tuple[Fold, widgets.HTML]:
    """Make a fold that is not shown yet, and its content."""
    content = widgets.HTML()
    fold = Fold("", [content])
    fold.add_class(f"hfbench-part-{name}")
    fold.layout.display = "none"
    return fold, content


class Curves:
    """The curves of a run, which every panel that shows it shares.

    Attributes
    ----------
    png
        The image; empty before there is one.
    """

    def __init__(self) -> None:
        self.png = b""
        self._drawn_s = -math.inf

    def draw(self, results: BenchmarkResults, *, at_once: bool) -> bytes:
        """Draw again, if it is time or `at_once`; return the image."""
        if at_once or time.monotonic() - self._drawn_s > _CURVES_EVERY_S:
            self.png = draw_curves(results)
            self._drawn_s = time.monotonic()
        return self.png


def prepare_drawing() -> None:
    """Import what tables and curves need, which takes a second, in the background."""
    modules = ("jinja2", "pandas", "matplotlib.figure", "matplotlib.backends.backend_agg")
    threading.Thread(target=lambda: [*map(import_module, modules)], name="hfbench-imports", daemon=True).start()


def draw_curves(results: BenchmarkResults) -> bytes:
    """Draw time and memory as PNG, without pyplot, which does not support threads; empty if nothing was measured."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [metric for metric in headlines() if results.is_measured(metric)]
    if not shown:
        return b""
    figure = Figure(figsize=(7.5, 4.0 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)  # before anything is drawn: it keeps the sizes of texts that were measured
    for ax, metric in zip(figure.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True):
        results.plot(metric.name, ax=ax)
    target = io.BytesIO()
    figure.savefig(target, format="png", transparent=True)  # the page's own background is behind it
    return target.getvalue()


def static_html(results: BenchmarkResults | None, curves_png: bytes, css_class: str) -> str:
    """Return the last results for pages without live widgets; on a live page the panel hides what has the class."""
    if results is None or not results.entries:
        return f'<div class="{css_class}"><em>The control panel of hfbench_nb needs a live notebook.</em></div>'
    curves = _image(curves_png, "background: white; max-width: 100%;")
    # A page that was reloaded cannot replace this: it must be told from the results of a later run.
    facts = results.environments[-1]  # where the last row was measured
    when = " ".join(str(facts.get(name, "")).partition(".")[0] for name in ("date", "time")).strip()
    title = f"<p><small>Measured by the control panel{f', {html.escape(when)}' if when else ''}.</small></p>"
    return f'<div class="{css_class}">{title}{results._repr_html_()}{curves}</div>'


def _scrolling(html_text: str, label: str) -> str:
    """Return HTML that scrolls, also by keys, where it is wider than the page."""
    return (
        f'<div class="hfbench-results" role="region" aria-label="{html.escape(label)}" tabindex="0" '
        f'style="overflow-x: auto;">{html_text}</div>'
    )


def _image(png: bytes, style: str = "") -> str:
    """Return an image as HTML; empty if there is none."""
    data = base64.b64encode(png).decode("ascii")
    styled = f' style="{style}"' if style else ""
    return f'<img alt="Time and memory as curves"{styled} src="data:image/png;base64,{data}">' if data else ""
