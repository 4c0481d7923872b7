"""Making the fields of the argument dataclasses, reading their metadata, and showing them.

Everything that the rest of the package needs to know about an argument is metadata of its field: its help, whether it
is an axis, whether it changes what is measured, and where the control panel shows it.
"""

from __future__ import annotations

import re
import time
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from hfbench_nb.arguments.ranges import HELP
from hfbench_nb.rendering.escaping import for_stdout
from hfbench_nb.rendering.html import render

MORE, CSV_FILES = "More", "CSV files"
"""Groups in the panel: of arguments that name no other one, and of CSV files."""


REQUIRED = MISSING
"""The default of a field that must be given."""


@dataclass(frozen=True)
class Axis:
    """An argument that may differ from case to case of a sweep: it takes one value or a list.

    Attributes
    ----------
    check
        Called with the argument's name and each value that is not None, to raise if it cannot be used; not needed if
        the field lists its choices or takes flags.
    words
        Returns the words for a value in the label of a row; by default the value, with the argument's name if the
        value alone is not clear.
    title
        Label of a plot's axis, with the unit; plots can only be drawn along numeric axes.
    is_place
        Whether it determines where the worker runs (interpreter, device): each place has its own environment.
    is_machine
        Whether it says what of a machine is used: what the machine itself can do is known for one value alone.
    is_path
        Whether its values are paths, which are long and are left out of labels if versions distinguish the rows.
    is_size
        Whether its values are sizes of a case, beside batch size and sequence length: tables may have a column for it,
        and the largest that fits can be looked for.
    minimum
        The smallest size.
    fact
        Name of the fact of an environment that repeats its value; by default its own.
    task
        The only task that it concerns: it multiplies the cases of no other; empty if it concerns all.
    """

    check: Callable[[str, Any], None] | None = None
    words: Callable[[Any], str] | None = None
    title: str = ""
    is_place: bool = False
    is_machine: bool = False
    is_path: bool = False
    is_size: bool = False
    minimum: int = 1
    fact: str = ""
    task: str = ""

    def concerns(self, task: str) -> bool:
        """Return whether the cases of a task have this axis."""
        return self.task in ("", task)

    def describe(self, name: str, value: Any) -> str:
        """Return the words for a value of the axis called `name`."""
        if self.words is not None:
            return self.words(value)
        if isinstance(value, bool):
            return name.replace("_", " ") if value else f"no {name.replace('_', ' ')}"
        if value is None:
            return f"default {name.replace('_', ' ')}"
        return value if isinstance(value, str) else f"{name.replace('_', ' ')} {value}"


def option(
    default: Any,
    help_text: str,
    choices: tuple[str, ...] = (),
    *,
    axis: Axis | None = None,
    task: str = "",
    of_task: str = "",
    measured: bool = True,
    group: str = MORE,
    positional: bool = False,
    spelling: str = "",
    suggestions: Callable[[], Sequence[str]] | None = None,
) -> Any:
    """Make a field of an argument dataclass.

    Parameters
    ----------
    default
        Its default, copied if it is a list; `REQUIRED` if there is none.
    help_text
        The description in the shell, the magics and the panel.
    choices
        The allowed values, if they are few.
    axis
        How it behaves as an axis of the sweep; None if all cases of a run share its value.
    task
        The task that it requests.
    of_task
        The only task that it concerns; an axis has its own.
    measured
        Whether its value affects measurements: a run is not resumed with another value.
    group
        Heading under which the panel shows it.
    positional
        Whether it is a positional argument in the shell.
    spelling
        Its name in the shell, if different; it may then be given several times.
    suggestions
        Returns values that the panel suggests if other values are allowed, too.
    """
    listed = f" One of {', '.join(choices)}{', or several' if axis else ''}." if choices else ""
    several = " Also takes several values." if axis and not choices else ""
    metadata = {
        "help": help_text + listed + several,
        "choices": choices,
        "axis": axis,
        "task": task,
        "of_task": axis.task if axis else of_task,
        "measured": measured and not axis and not task,
        "group": group,
        "positional": positional,
        "spelling": spelling,
        "suggestions": suggestions or (lambda: choices),
    }
    if default is MISSING:
        return field(metadata=metadata)
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def timestamped(name: str, help_text: str, group: str, of_task: str = "") -> Any:
    """Make a field for a file whose default name contains the time, as in the original."""
    told = f"{help_text} The default contains the time."
    made = option(None, told, of_task=of_task, measured=False, group=group)
    return field(
        default_factory=lambda: f"{name}_{round(time.time())}.csv", metadata={**made.metadata, "timestamped": name}
    )


def csv_file(name: str, content: str, of_task: str = "") -> Any:
    """Make a field for a CSV file: its usual name, and its content, as in ``the time of inference``."""
    made = timestamped(name, f"CSV file for {content}.", CSV_FILES, of_task)
    return field(default_factory=made.default_factory, metadata={**made.metadata, "csv_file": name})


def axes_of(kind: Any) -> dict[str, Axis]:
    """Return the axes of an argument dataclass by name."""
    return {found.name: found.metadata["axis"] for found in fields(kind) if found.metadata["axis"] is not None}


@dataclass(frozen=True)
class ValueType:
    """The values that a field takes.

    Attributes
    ----------
    kind
        The type of a value, or of each value of a list.
    is_optional
        Whether None is a value, too.
    takes_list, takes_one
        Whether a list of values, and whether a single value, can be given.
    """

    kind: type
    is_optional: bool
    takes_list: bool
    takes_one: bool


def value_types(kind: type) -> dict[str, ValueType]:
    """Return the types of values that the fields of a dataclass take, by name."""
    return {name: _value_type(hint) for name, hint in typing.get_type_hints(kind).items() if not _is_class_var(hint)}


def _is_class_var(hint: Any) -> bool:
    return typing.get_origin(hint) is typing.ClassVar


def _value_type(hint: Any) -> ValueType:
    alternatives = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    lists = [each for each in alternatives if typing.get_origin(each) is list]
    singles = [each for each in alternatives if each is not type(None) and each not in lists]
    kind = singles[0] if singles else typing.get_args(lists[0])[0]
    return ValueType(kind, type(None) in alternatives, bool(lists), bool(singles))


def help_in_forms(found: Field[Any], values: ValueType) -> str:
    """Return the help of a field where values are written as text: in shell, magics and panel."""
    told = str(found.metadata["help"])
    return f"{told} {HELP}" if values.kind is int and values.takes_list else told


def is_default(found: Field[Any], value: Any) -> bool:
    """Return whether a field's value is its default; a file name with the time matches for any time."""
    if "timestamped" in found.metadata:
        return re.fullmatch(rf"{found.metadata['timestamped']}_\d+\.csv", value) is not None
    default = default_of(found)
    return bool(value == default and type(value) is type(default))


def default_of(found: Field[Any]) -> Any:
    """Return the default of a field; a file name with the time contains the current time."""
    return found.default if found.default_factory is MISSING else found.default_factory()


def differing(arguments: Any) -> dict[str, Any]:
    """Return the fields of a dataclass object that do not have their defaults, with their values."""
    values = {found: getattr(arguments, found.name) for found in fields(arguments)}
    return {found.name: value for found, value in values.items() if not is_default(found, value)}


def as_call(arguments: Any) -> str:
    """Return the call that makes a dataclass object, with the fields that do not have their defaults."""
    given = ", ".join(f"{name}={value!r}" for name, value in differing(arguments).items())
    return for_stdout(f"{type(arguments).__name__}({given})")


def as_lines(arguments: Any) -> str:
    """List the fields of a dataclass object, one per line, those that do not have their defaults first."""
    given = differing(arguments)
    names = [f.name for f in fields(arguments)]
    width = max(map(len, names))
    lines = {name: f"  {name:<{width}}  {getattr(arguments, name)!r}" for name in names}
    others = [line for name, line in lines.items() if name not in given]
    return for_stdout(
        "\n".join([type(arguments).__name__, *(lines[name] for name in given), "with the defaults:", *others])
    )


def as_table(arguments: Any) -> str:
    """Return HTML: the given arguments first, the defaults folded, each with its help on hover."""
    given = differing(arguments)
    rows = [(found.name, repr(getattr(arguments, found.name)), found.metadata["help"]) for found in fields(arguments)]
    return render(
        "arguments.html.j2",
        title=type(arguments).__name__,
        given=[row for row in rows if row[0] in given],
        defaults=[row for row in rows if row[0] not in given],
    )


def measured_arguments(kind: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that affect measurements, by name; absent ones have their defaults.

    Parameters
    ----------
    kind
        The argument dataclass.
    arguments
        Values by name, possibly written by an earlier version.
    """
    counting = {found.name: found for found in fields(kind) if found.metadata["measured"]}
    defaults = {name: default_of(found) for name, found in counting.items()}
    return defaults | {name: value for name, value in arguments.items() if name in counting}
