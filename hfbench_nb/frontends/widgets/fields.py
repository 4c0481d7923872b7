"""One argument in the form: its control, its help, and an error message for its value."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ipywidgets as widgets

from hfbench_nb.arguments.fields import ValueType, default_of, help_in_forms, is_default
from hfbench_nb.arguments.ranges import WORDS, RangeError, whole_numbers
from hfbench_nb.frontends.widgets.style import LABEL_WIDTH, WIDE_CONTROL_WIDTH, WIDE_LABEL_WIDTH
from hfbench_nb.protocol.errors import ArgumentError, wrong_value

Parse = Callable[[str, str], Any]
"""Converts the text of a control to a value, given the name of the field."""


def _parse_one(kind: type, words: str) -> Parse:
    def parse(name: str, text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise wrong_value(name, text, words) from None

    return parse


def _whole_numbers(name: str, text: str) -> list[int]:
    words = re.split(r"[\s,;]+", text.strip(" \t[](),;"))
    try:
        return [number for word in words if word for number in whole_numbers(word)]
    except RangeError as error:
        raise ArgumentError(f"{name}={text!r} cannot be used: {error}.", name) from None
    except ValueError:
        raise wrong_value(name, text, f"{WORDS}, separated by commas or spaces, as in 8, 32, 128") from None


def _texts(name: str, text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


# Conversion from text to value, by the type of a value: of a single one, and of a list.
_PARSE_ONE: dict[type, Parse] = {
    int: _parse_one(int, "a whole number"),
    float: _parse_one(float, "a number"),
    str: lambda name, text: text,
}
_PARSE_LIST: dict[type, Parse] = {int: _whole_numbers, str: _texts}
# The choices in the control of an axis of flags.
_SEVERAL_FLAGS = (("no", False), ("yes", True), ("both", (False, True)))


_CAPITALS = ("CSV", "CUDA", "FP16", "GPU", "TPU", "XLA")


def _in_words(name: str) -> str:
    """Return the name of an argument as a label.

    Examples
    --------
    >>> _in_words("timeout_s"), _in_words("save_to_csv")
    ('Timeout (s)', 'Save to CSV')
    """
    words = name.removesuffix("_s").split("_")
    spelt = " ".join(word.upper() if word.upper() in _CAPITALS else word for word in words)
    return f"{spelt[0].upper()}{spelt[1:]}{' (s)' if name.endswith('_s') else ''}"


class Message(widgets.HTML):  # type: ignore[misc]
    """An error message; takes no space while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.add_class("hfbench-message")
        self.tell("")

    def tell(self, text: str) -> None:
        """Show a text; an empty text hides the message."""
        self.value = f'<span role="alert">{html.escape(text)}</span>' if text else ""
        self.layout.display = "" if text else "none"


def _as_text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join("none" if item is None else str(item) for item in value)
    return str(value)


class Field:
    """One argument in the form.

    Parameters
    ----------
    found
        The field of the dataclass.
    values
        The values that it takes.
    with_help
        Whether the help is shown beside the control; otherwise it is shown on hover.

    Raises
    ------
    TypeError
        If there is no control for values of this type.

    Attributes
    ----------
    box
        The widget to show: the control and the help.
    message
        The error message for the value.
    group
        The heading that it is shown under.
    """

    def __init__(self, found: dataclasses.Field[Any], values: ValueType, *, with_help: bool) -> None:
        self.name = found.name
        self.found = found
        self.group: str = found.metadata["group"]
        self._values = values
        self._has_time = "timestamped" in found.metadata
        self.message = Message()
        shape = {
            "description": _in_words(self.name),
            "style": {"description_width": WIDE_LABEL_WIDTH if with_help else LABEL_WIDTH},
            "layout": {"width": WIDE_CONTROL_WIDTH if with_help else "auto", "flex": "0 0 auto", "max_width": "100%"},
        }
        self.control = self._make_control(indent=with_help, **shape)
        self.control.add_class(f"hfbench-field-{self.name}")
        told = help_in_forms(found, values)
        self.box = self._with_help(told) if with_help else self.control
        if not with_help:
            # The trait is called `tooltip` in ipywidgets 8, and `description_tooltip` in 7.
            hover = "tooltip" if self.control.has_trait("tooltip") else "description_tooltip"
            setattr(self.control, hover, told)

    def _with_help(self, text: str) -> widgets.VBox:
        # A help text that may shrink wraps within the rest of the line; where that is short, it stands below.
        layout = {"flex": "1 1 15rem", "width": "auto", "min_width": "0"}
        explanation = widgets.HTML(f'<span class="hfbench-help">{html.escape(text)}</span>', layout=layout)
        explanation.add_class(f"hfbench-help-{self.name}")
        return widgets.VBox([widgets.HBox([self.control, explanation], layout={"flex_flow": "row wrap"}), self.message])

    def _make_control(self, *, indent: bool, **shape: Any) -> Any:
        values, metadata = self._values, self.found.metadata
        if values.kind is bool:
            return (
                widgets.Dropdown(options=_SEVERAL_FLAGS, **shape)
                if values.takes_list
                else widgets.Checkbox(indent=indent, **shape)
            )
        if metadata["choices"] and not values.takes_list:
            return widgets.Dropdown(options=metadata["choices"], **shape)
        if values.kind not in (_PARSE_LIST if values.takes_list else _PARSE_ONE):
            raise TypeError(f"{self.name}: there is no control for values of type {values.kind.__name__}")
        blank = "by default" if values.is_optional else f"{metadata['timestamped']}_...csv" if self._has_time else ""
        if suggestions := metadata["suggestions"]():
            several = "one, or several with commas between" if values.takes_list else blank
            return widgets.Combobox(
                options=list(suggestions), ensure_option=False, placeholder=several, continuous_update=False, **shape
            )
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
            return list(shown) if isinstance(shown, tuple) else shown
        if self._has_time and not shown:
            return default_of(self.found)
        if self._values.is_optional and not shown.strip():
            return None
        if not self._values.takes_list:
            return _PARSE_ONE[self._values.kind](self.name, shown)
        several = _PARSE_LIST[self._values.kind](self.name, shown)
        if self._values.is_optional:
            several = [None if word == "none" else word for word in several]
        return several[0] if self._values.takes_one and len(several) == 1 else several

    @value.setter
    def value(self, value: Any) -> None:
        if isinstance(self.control, widgets.Text):
            self.control.value = "" if self._is_blank(value) else _as_text(value)
        elif isinstance(value, list | tuple):
            self.control.value = (False, True) if len(value) > 1 else value[0]
        else:
            self.control.value = value

    def _is_blank(self, value: Any) -> bool:
        return value is None or (self._has_time and is_default(self.found, value))

    def tell(self, problem: str) -> None:
        """Show an error message at the control; an empty text clears it."""
        self.message.tell(problem)

    def show(self, *, is_shown: bool) -> None:
        """Show the control, or hide it."""
        self.box.layout.display = "" if is_shown else "none"

    def mark(self, *, wrong: bool) -> None:
        """Mark the control as wrong, or remove the mark."""
        (self.control.add_class if wrong else self.control.remove_class)("hfbench-wrong")


class FieldGroup(widgets.VBox):  # type: ignore[misc]
    """Arguments under a heading, which is hidden if all of them are.

    Parameters
    ----------
    title
        The heading.
    fields
        The arguments.
    """

    def __init__(self, title: str, fields: Sequence[Field]) -> None:
        self._boxes = [field.box for field in fields]
        super().__init__([widgets.HTML(f"<h4>{html.escape(title)}</h4>"), *self._boxes])
        self.add_class("hfbench-group")

    def refresh(self) -> None:
        """Show the heading, or hide it."""
        is_shown = any(box.layout.display != "none" for box in self._boxes)
        self.layout.display = "" if is_shown else "none"


def values_of(fields: Iterable[Field]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of fields by name, and error messages about the texts of their controls."""
    values, problems = {}, {}
    for field in fields:
        try:
            values[field.name] = field.value
        except ArgumentError as error:
            problems[field.name] = error.for_forms
    return values, problems
