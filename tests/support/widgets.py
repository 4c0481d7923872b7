"""Widgets of the control panel: finding them, writing into them, waiting for what they begin."""

from __future__ import annotations

from hfbench_nb.frontends.widgets.background import current_run
from support.processes import wait_until


def find(panel, name):
    """Return the widgets that carry a class of ours, in the order shown."""

    def walk(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    return [widget for widget in walk(panel.widget) if f"hfbench-{name}" in widget._dom_classes]


def shown(panel, name):
    """Return whether the widget that carries a class of ours can be seen."""

    def walk(widget, can_be_seen):
        can_be_seen = can_be_seen and widget.layout.display != "none"
        if f"hfbench-{name}" in widget._dom_classes:
            yield can_be_seen
        for child in getattr(widget, "children", ()):
            yield from walk(child, can_be_seen)

    (found,) = walk(panel.widget, True)
    return found


def only(panel, name):
    (found,) = find(panel, name)
    return found


def write(panel, name, text):
    only(panel, f"field-{name}").value = text


def said(panel):
    """Return the messages about wrong values that are shown."""
    return [message.value for message in find(panel, "message") if message.layout.display != "none"]


def status(panel):
    return only(panel, "status").text


def can_run(panel):
    return not only(panel, "run").disabled


def wait_for_the_end(panel, limit_s):
    """Wait until the run is over and the panel shows so."""
    assert wait_until(lambda: current_run() is None and can_run(panel), limit_s)


def run_to_its_end(panel):
    only(panel, "run").click()
    wait_for_the_end(panel, 60.0)


def needs(panel):
    return only(panel, "needs").value
