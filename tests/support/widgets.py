"""Widgets of the control panel."""

from __future__ import annotations


def find(panel, name):
    """Return the widgets that carry a class of ours, in the order shown."""

    def walk(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    return [widget for widget in walk(panel.widget) if f"hfbench-{name}" in widget._dom_classes]
