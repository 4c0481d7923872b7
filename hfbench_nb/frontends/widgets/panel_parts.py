"""Parts of the panel that know nothing of runs."""

from __future__ import annotations

import ipywidgets as widgets


def make_button(name: str, text: str, icon: str, style: str, tooltip: str) -> widgets.Button:
    """Return a button with a class of ours."""
    button = widgets.Button(description=text, icon=icon, button_style=style, tooltip=tooltip, layout={"width": "90px"})
    button.add_class(f"hfbench-{name}")
    return button


def close_all_of(widget: widgets.Widget) -> None:
    """Close a widget and everything in it."""
    for child in getattr(widget, "children", ()):
        close_all_of(child)
    widget.close()
