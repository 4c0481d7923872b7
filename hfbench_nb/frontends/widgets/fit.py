"""The part of the panel that looks for the largest size that runs within a limit of memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from hfbench_nb.arguments.fields import value_types
from hfbench_nb.frontends.commands import FitOptions
from hfbench_nb.frontends.widgets.fields import Field, values_of
from hfbench_nb.frontends.widgets.panel_parts import Fold
from hfbench_nb.protocol.errors import ArgumentError


class FitPart:
    """A fold with what is looked for, and a button.

    Parameters
    ----------
    on_find
        Called with the arguments of `find_largest` when the button is pressed.

    Attributes
    ----------
    box
        The widget.
    """

    def __init__(self, on_find: Callable[[dict[str, Any]], None]) -> None:
        types = value_types(FitOptions)
        self._fields = [Field(found, types[found.name], with_help=True) for found in dataclasses.fields(FitOptions)]
        self._button = widgets.Button(
            description="Find largest", icon="search", tooltip="Try sizes until the largest that fits is known"
        )
        self._button.add_class("hfbench-find-largest")
        self._button.on_click(lambda button: self._find(on_find))
        self.box = Fold("Largest that fits", [*(field.box for field in self._fields), self._button])
        self.box.add_class("hfbench-fit")

    def allow(self, *, can_run: bool) -> None:
        """Enable or disable the button."""
        self._button.disabled = not can_run

    def _find(self, on_find: Callable[[dict[str, Any]], None]) -> None:
        values, problems = values_of(self._fields)
        if not problems:
            try:
                on_find(values)
            except ArgumentError as error:
                problems = dict.fromkeys(error.parameters, error.for_forms)
        for field in self._fields:
            field.tell(problems.get(field.name, ""))
            field.mark(wrong=field.name in problems)
