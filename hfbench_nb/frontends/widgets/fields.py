"""One argument on the form: its control, its help, and what is wrong with its value."""

from __future__ import annotations

import dataclasses
import html
import re
import shlex
import types
import typing
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from hfbench_nb.arguments.fields import is_default
from hfbench_nb.frontends.widgets.style import LABEL_WIDTH, WIDE_CONTROL_WIDTH, WIDE_LABEL_WIDTH
from hfbench_nb.protocol.errors import wrong_value


def _whole_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise wrong_value(name, text, "a whole number") from None


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise wrong_value(name, text, "a number") from None


def _whole_numbers(name: str, text: str) -> list[int]:
    words = re.split(r"[\s,;]+", text.strip(" \t[](),;"))
    try:
        return [int(word) for word in words if word]
    except ValueError:
        raise wrong_value(name, text, "whole numbers with commas or blanks between them, as in 8, 32, 128") from None


def _texts(name: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise wrong_value(name, text, f"words as in a shell ({error})") from None


# How a text becomes a value, and a value a text, by the type of the field.
_TYPES: dict[Any, tuple[Callable[[str, str], Any], Callable[[Any], str]]] = {
    int: (_whole_number, str),
    float: (_number, repr),
    str: (lambda name, text: text, str),
    list[int]: (_whole_numbers, lambda value: ", ".join(map(str, value))),
    list[str]: (_texts, shlex.join),
}


_CAPITALS = ("CSV", "CUDA", "FP16", "GPU", "TPU", "XLA")


def _in_words(name: str) -> str:
    """Write the name of an argument for people.

    Examples
    --------
    >>> _in_words("timeout_s"), _in_words("save_to_csv")
    ('Timeout (s)', 'Save to CSV')
    """
    words = name.removesuffix("_s").split("_")
    spelt = " ".join(word.upper() if word.upper() in _CAPITALS else word for word in words)
    return f"{spelt[0].upper()}{spelt[1:]}{' (s)' if name.endswith('_s') else ''}"


class Message(widgets.HTML):  # type: ignore[misc]
    """Says what is wrong, in words; takes no room while nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self.add_class("hfbench-message")
        self.tell("")

    def tell(self, text: str) -> None:
        """Show a text, or nothing."""
        self.value = f'<span role="alert">{html.escape(text)}</span>' if text else ""
        self.layout.display = "" if text else "none"


class Field:
    """One argument on the form.

    Parameters
    ----------
    found
        The field of the dataclass.
    hint
        Its type.
    with_help
        Whether the help stands beside the control; otherwise it is shown on hover.

    Raises
    ------
    TypeError
        If there is no control for values of this type.

    Attributes
    ----------
    box
        What is shown: the control and the help.
    message
        What is wrong with the value.
    """

    def __init__(self, found: dataclasses.Field[Any], hint: Any, *, with_help: bool) -> None:
        self.name = found.name
        self._found = found
        self._has_time = "timestamped" in found.metadata
        self.message = Message()
        self._optional = type(None) in typing.get_args(hint)
        if isinstance(hint, types.UnionType):
            (hint,) = (kind for kind in typing.get_args(hint) if kind is not type(None))
        self._parse: Callable[[str, str], Any] | None
        self._format: Callable[[Any], str]
        self._parse, self._format = _TYPES.get(hint, (None, str))
        shape = {
            "description": _in_words(self.name),
            "style": {"description_width": WIDE_LABEL_WIDTH if with_help else LABEL_WIDTH},
            "layout": {"width": WIDE_CONTROL_WIDTH if with_help else "auto", "flex": "0 0 auto"},
        }
        self.control = self._make_control(found, hint, indent=with_help, **shape)
        self.control.add_class(f"hfbench-field-{self.name}")
        self.box = self._with_help(found.metadata["help"]) if with_help else self.control
        if not with_help:
            # The name of the trait in ipywidgets 8, and in 7.
            hover = "tooltip" if self.control.has_trait("tooltip") else "description_tooltip"
            setattr(self.control, hover, found.metadata["help"])

    def _with_help(self, text: str) -> widgets.VBox:
        # A help that may shrink wraps within what is left of the line.
        layout = {"flex": "1 1 0", "width": "auto", "min_width": "0"}
        explanation = widgets.HTML(f'<span class="hfbench-help">{html.escape(text)}</span>', layout=layout)
        explanation.add_class(f"hfbench-help-{self.name}")
        return widgets.VBox([widgets.HBox([self.control, explanation]), self.message])

    def _make_control(self, found: dataclasses.Field[Any], hint: Any, *, indent: bool, **shape: Any) -> Any:
        if hint is bool:
            return widgets.Checkbox(indent=indent, **shape)
        if found.metadata.get("choices"):
            return widgets.Dropdown(options=found.metadata["choices"], **shape)
        if self._parse is None:
            raise TypeError(f"{self.name}: there is no control for values of type {hint}")
        blank = "by default" if self._optional else f"{found.metadata['timestamped']}_...csv" if self._has_time else ""
        return widgets.Text(continuous_update=False, placeholder=blank, **shape)

    @property
    def value(self) -> Any:
        """The value that the control shows.

        Raises
        ------
        ArgumentError
            If its text is not of the right form.
        """
        shown = self.control.value
        if not isinstance(self.control, widgets.Text):
            return shown
        if self._has_time and not shown:
            return self._found.default_factory()  # type: ignore[operator]
        if self._optional and not shown.strip():
            return None
        assert self._parse is not None
        return self._parse(self.name, shown)

    @value.setter
    def value(self, value: Any) -> None:
        if isinstance(self.control, widgets.Text):
            is_blank = value is None or (self._has_time and is_default(self._found, value))
            value = "" if is_blank else self._format(value)
        self.control.value = value

    def tell(self, problem: str) -> None:
        """Say beside the control what is wrong, or with an empty text that nothing is."""
        self.message.tell(problem)

    def mark(self, *, wrong: bool) -> None:
        """Mark the control as wrong, or not."""
        (self.control.add_class if wrong else self.control.remove_class)("hfbench-wrong")
