"""Making the fields of the argument dataclasses, and showing them."""

from __future__ import annotations

import functools
import re
import time
import warnings
from collections.abc import Callable
from dataclasses import MISSING, Field, field, fields
from typing import Any, TypeVar

from hfbench_nb.arguments import checks
from hfbench_nb.protocol.errors import ArgumentError

NEGATIVE_NAMES = ("no_inference", "no_cuda", "no_tpu", "no_speed", "no_memory", "no_env_print", "no_multi_process")

_Arguments = TypeVar("_Arguments")


def option(default: Any, help_text: str, choices: tuple[str, ...] = ()) -> Any:
    """Make a field with a default, copied if it is a list, its help, and the values to choose from, if they are few."""
    listed = f" One of {', '.join(choices)}." if choices else ""
    metadata = {"help": help_text + listed, "choices": choices}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def timestamped(name: str, help_text: str) -> Any:
    """Make a field for a file whose default name carries the time, as the original's do."""
    return field(
        default_factory=lambda: f"{name}_{round(time.time())}.csv",
        metadata={"help": f"{help_text} The default carries the time.", "timestamped": name},
    )


def is_default(found: Field[Any], value: Any) -> bool:
    """Tell whether a field's value is its default; of one that carries the time, that of any time."""
    if "timestamped" in found.metadata:
        return re.fullmatch(rf"{found.metadata['timestamped']}_\d+\.csv", value) is not None
    default = found.default if found.default_factory is MISSING else found.default_factory()
    return bool(value == default and type(value) is type(default))


def differing(arguments: Any) -> dict[str, Any]:
    """Give the fields of a dataclass object that do not have their defaults, with their values."""
    values = {found: getattr(arguments, found.name) for found in fields(arguments)}
    return {found.name: value for found, value in values.items() if not is_default(found, value)}


def as_call(arguments: Any) -> str:
    """Give the call that makes a dataclass object, with the fields that do not have their defaults."""
    given = ", ".join(f"{name}={value!r}" for name, value in differing(arguments).items())
    return f"{type(arguments).__name__}({given})"


def as_lines(arguments: Any) -> str:
    """List the fields of a dataclass object a line each, those that do not have their defaults first."""
    given = differing(arguments)
    names = [f.name for f in fields(arguments)]
    width = max(map(len, names))
    lines = {name: f"  {name:<{width}}  {getattr(arguments, name)!r}" for name in names}
    others = [line for name, line in lines.items() if name not in given]
    return "\n".join([type(arguments).__name__, *(lines[name] for name in given), "with the defaults:", *others])


def as_table(arguments: Any) -> str:
    """Give the fields of a dataclass object as a table of HTML, those that do not have their defaults first."""
    from hfbench_nb.display.html_tables import arguments_to_html

    return arguments_to_html(arguments)


def accept_negative_names(cls: type[_Arguments]) -> type[_Arguments]:
    """Let the class be called with the original's old ``no_*`` names, which its own code crashed on."""
    initialize: Callable[..., None] = cls.__init__

    @functools.wraps(initialize)
    def __init__(self: _Arguments, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        for negative in NEGATIVE_NAMES:
            if negative not in kwargs:
                continue
            positive, value = negative[3:], kwargs.pop(negative)
            checks.boolean(negative, value)
            if positive in kwargs:
                raise ArgumentError(f"{negative} and {positive} say the same thing: give only {positive}.")
            warnings.warn(f"{negative} is deprecated: use {positive}={not value}.", FutureWarning, stacklevel=2)
            kwargs[positive] = not value
        initialize(self, *args, **kwargs)

    cls.__init__ = __init__  # type: ignore[method-assign, assignment]
    return cls
