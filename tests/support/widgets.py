"""Widgets of the control panel."""

from __future__ import annotations


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
