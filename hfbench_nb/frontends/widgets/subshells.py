"""Which thread of the kernel takes what the page says about a widget."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets


def keep_to_page(widget: widgets.Widget) -> None:
    """Let the page choose the thread for a widget and for what it holds, now and later.

    JupyterLab sends what widgets say to a subshell, a thread beside that of the cells.  ipykernel 7.4 sends it on to
    the thread in which the widget was changed last: for a panel that a cell has made, to that of the cells, where it
    would wait for a cell that is busy.  A panel may be changed in any thread, since all of its changes hold a lock.
    """
    comm = widget.comm
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _chosen_by_page
    if widget.has_trait("children"):
        for child in widget.children:
            keep_to_page(child)
        widget.observe(_keep_new, "children")


def _keep_new(change: Any) -> None:
    for child in change["new"]:
        if child not in change["old"]:
            keep_to_page(child)


def _chosen_by_page(data: object, subshell: str | None) -> str | None:
    return subshell
