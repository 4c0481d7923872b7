"""Parts of the panel that core widgets do not have, or not so that everybody can use them."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import ipywidgets as widgets

RUNNING, DONE, PARTLY, FAILED = "running", "done", "partly", "failed"
"""What the colour of the bar says."""

OnPress = Callable[[], None]


def make_button(name: str, text: str, icon: str, style: str, tooltip: str) -> widgets.Button:
    """Make a button with a class of ours."""
    button = widgets.Button(description=text, icon=icon, button_style=style, tooltip=tooltip, layout={"width": "90px"})
    button.add_class(f"hfbench-{name}")
    return button


class Fold(widgets.VBox):  # type: ignore[misc]
    """A button that shows and hides what is below it: unlike the header of an Accordion, Tab reaches it.

    Parameters
    ----------
    title
        Text of the button.
    children
        What is shown while it is open.
    """

    def __init__(self, title: str, children: Sequence[widgets.Widget]) -> None:
        self.button = widgets.ToggleButton(description=title, icon="caret-right", layout={"width": "auto"})
        self.button.add_class("hfbench-fold")
        self._body = widgets.VBox(list(children), layout={"display": "none"})
        super().__init__([self.button, self._body])
        self.button.observe(lambda change: self._show(), "value")

    def _show(self) -> None:
        self._body.layout.display = "" if self.button.value else "none"
        self.button.icon = "caret-down" if self.button.value else "caret-right"

    @property
    def is_open(self) -> bool:
        """Whether the content is shown."""
        return bool(self.button.value)

    @is_open.setter
    def is_open(self, value: bool) -> None:
        self.button.value = value


class ProgressBar(widgets.HTML):  # type: ignore[misc]
    """A bar of the measurements that are finished; those who cannot see it are told the same.

    Attributes
    ----------
    done, total
        Numbers of measurements.
    kind
        What the colour says; empty while there is no run.
    """

    def __init__(self) -> None:
        super().__init__(layout={"flex": "1 1 10rem", "width": "auto", "min_width": "6rem"})
        self.add_class("hfbench-progress")
        self.clear()

    def clear(self) -> None:
        """Show that there is no run."""
        self.show(0, 1, "")

    def show(self, done: int, total: int, kind: str) -> None:
        """Show that `done` of `total` measurements are finished."""
        self.done, self.total, self.kind = done, total, kind
        share = 100 * done / max(total, 1)
        self.value = (
            f'<div class="hfbench-bar" role="progressbar" aria-label="Measurements" aria-valuemin="0" '
            f'aria-valuemax="{total}" aria-valuenow="{done}">'
            f'<div class="hfbench-bar-{kind or "empty"}" style="width: {share:.1f}%; height: 100%;"></div></div>'
        )


class Status(widgets.HTML):  # type: ignore[misc]
    """The line that says what goes on, also to those who cannot see it.

    Attributes
    ----------
    text
        What it says.
    """

    def __init__(self) -> None:
        super().__init__()
        self.add_class("hfbench-status")
        self.say("")

    def say(self, text: str, failed: int = 0) -> None:
        """Show a text; in it, the words for the number of failed cases have the colour of failure."""
        self.text = text
        words, marked = f"{failed} failed", html.escape(text)
        if failed:
            marked = marked.replace(words, f'<span class="hfbench-failed">{words}</span>')
        self.value = f'<div role="status" aria-live="polite">{marked}</div>'


class Controls:
    """The buttons of a run, and its bar.

    Parameters
    ----------
    on_run, on_stop, on_reset
        Called when a button was pressed.
    """

    def __init__(self, on_run: OnPress, on_stop: OnPress, on_reset: OnPress) -> None:
        self.run = make_button("run", "Run", "play", "success", "Measure")
        self.stop = make_button(
            "stop", "Stop", "stop", "danger", "Stop the current measurement; finished cases are kept"
        )
        self.reset = make_button("reset", "Reset", "undo", "", "Restore the initial values of the form")
        self.bar = ProgressBar()
        for button, on_press in ((self.run, on_run), (self.stop, on_stop), (self.reset, on_reset)):
            button.on_click(lambda button, on_press=on_press: on_press())
        self.box = widgets.HBox([self.run, self.stop, self.reset, self.bar], layout={"flex_flow": "row wrap"})
