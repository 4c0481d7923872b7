"""One parser for the shell and the magics, made from the fields of dataclasses.

A field that is added to an argument dataclass is an option everywhere.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from hfbench_nb.arguments.fields import MORE, ValueType, default_of, help_in_forms, value_types
from hfbench_nb.arguments.ranges import RangeError, whole_numbers
from hfbench_nb.frontends.commands import Command, FunctionOptions, commands
from hfbench_nb.rendering.suggestions import did_you_mean

PROGRAM = "hfbench"

_TRUTH = {"true": True, "false": False}
_LONG_OPTION = re.compile(r"(?s)--[A-Za-z][\w-]*(=.*)?")


class HelpShown(Exception):
    """Help was requested, or the options were used wrongly.

    Attributes
    ----------
    text
        What to print.
    code
        The exit code: 0 for help, 2 for wrong use.
    line
        The error in one line; empty for help.
    """

    def __init__(self, text: str, code: int, line: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.line = line


def parse(
    words: Sequence[str],
    *,
    prints: bool = False,
    program: str = PROGRAM,
    shared: Sequence[Any] = (),
) -> Command:
    """Make the argument object that the words of a command line describe.

    Parameters
    ----------
    words
        A command (``pytorch``, ``plot``, ``models`` ...) and its options.
    prints
        Whether results will be printed, so that there are options for that.
    program
        What stands before the command, for the help and messages.
    shared
        Parsers of options that every command has beside its own.

    Raises
    ------
    HelpShown
        If help was requested, or the options do not have the right form.
    ArgumentError
        If an option has a value that cannot be used.
    """
    kinds = commands(prints=prints)
    summary = "Measure time and memory of Hugging Face Transformers models."
    parser = _Parser(prog=program, description=summary, parents=list(shared))
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, kind in kinds.items():
        subparser = subparsers.add_parser(name, help=kind.summary, description=kind.summary, parents=list(shared))
        for part in kind.parts:
            _add_fields(subparser, part)
    given = vars(parser.parse_args(list(words)))
    kind = kinds[given.pop("command")]
    return kind.make(*(part(**_taken(part, given)) for part in kind.parts))


def _taken(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    """Remove what the fields of a dataclass are given, and return it."""
    return {f.name: given.pop(f.name) for f in dataclasses.fields(kind) if f.name in given}


def parse_function_options(words: Sequence[str], program: str, shared: Sequence[Any] = ()) -> FunctionOptions:
    """Make the options of a measured cell; raises like `parse`."""
    return FunctionOptions(**vars(_function_parser(program, shared).parse_args(list(words))))


def flags_of_functions() -> set[str]:
    """Return the options of a measured cell that take no value."""
    return {word for word, takes_value in _function_parser("").known.items() if not takes_value}


def _function_parser(program: str, shared: Sequence[Any] = ()) -> _Parser:
    parser = _Parser(prog=program, description=(FunctionOptions.__doc__ or "").strip(), parents=list(shared))
    _add_fields(parser, FunctionOptions)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser that raises instead of printing and exiting.

    Attributes
    ----------
    known
        Every option, and whether it takes a value.
    """

    def __init__(self, **given: Any) -> None:
        self.known: dict[str, bool] = {}
        self._titled: dict[str, Any] = {}
        super().__init__(**given, allow_abbrev=False, argument_default=argparse.SUPPRESS)

    def add_option(self, words: Sequence[str], *, takes_value: bool, group: str = "", **given: Any) -> None:
        """Add an option, under the heading of a group if it has one."""
        self.known |= dict.fromkeys(words, takes_value)
        if group and group not in self._titled:
            self._titled[group] = self.add_argument_group(group)
        self._titled.get(group, self).add_argument(*words, **given)

    def print_help(self, file: Any = None) -> NoReturn:
        """Raise the help."""
        raise HelpShown(self.format_help(), 0)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the words; for an unknown option, suggest a similar one."""
        given, unknown = self.parse_known_args(list(map(underscored, args)), namespace)
        if unknown:
            parsers = _subparsers(self)
            chosen = parsers.get(getattr(given, "command", ""), self)
            hint = _owners(parsers, unknown) or chosen._suggestion(unknown)
            chosen.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return given

    def _suggestion(self, unknown: Sequence[str]) -> str:
        options = [underscored(word).partition("=")[0] for word in unknown if word.startswith("-")]
        return next((f".{hint}" for option in options if (hint := did_you_mean(option, self.known, most=1))), "")

    def error(self, message: str) -> NoReturn:
        """Raise the message."""
        text = f"{self.prog}: {message}\n({self.prog} --help lists the options)\n"
        raise HelpShown(text, 2, message)


def underscored(word: str) -> str:
    """Return an option with underscores, as in the names of fields, in place of dashes.

    Examples
    --------
    >>> underscored("--batch-sizes"), underscored("--log-filename=a-b"), underscored("a-b")
    ('--batch_sizes', '--log_filename=a-b', 'a-b')
    """
    if not _LONG_OPTION.fullmatch(word):
        return word
    name, equals, value = word.partition("=")
    return f"--{name[2:].replace('-', '_')}{equals}{value}"


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, _Parser]:
    """Return the parser of each command by its name."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: each for action in actions for name, each in action.choices.items()}


def _owners(parsers: dict[str, _Parser], unknown: Sequence[str]) -> str:
    """Say which other commands have the first of some unknown options, if any has."""
    option = next((underscored(word).partition("=")[0] for word in unknown if word.startswith("--")), "")
    owners = [name for name, parser in parsers.items() if option in parser.known]
    return f". {option} is an option of {' and '.join(f'{PROGRAM} {owner}' for owner in owners)}" if owners else ""


# ---- from fields to options


def _add_fields(parser: _Parser, kind: type) -> None:
    types = value_types(kind)
    for found in dataclasses.fields(kind):
        _add_field(parser, found, types[found.name])


def _add_field(parser: _Parser, found: dataclasses.Field[Any], values: ValueType) -> None:
    name, choices = found.metadata["spelling"] or found.name, found.metadata["choices"] or None
    is_required = _is_required(found)
    given: dict[str, Any] = {"help": _help(found, values), "choices": choices, "metavar": _metavar(values, choices)}
    group = "" if found.metadata["group"] == MORE else found.metadata["group"]
    if found.metadata["positional"]:
        given["metavar"] = given["metavar"] if choices else name.upper()
        if not is_required:
            given["nargs"] = "?"
        parser.add_argument(found.name, **given)
        if not is_required:
            parser.add_option([f"--{name}"], takes_value=True, dest=found.name, help=argparse.SUPPRESS)
        return
    word = f"--{name}"
    if values.kind is bool:
        shape: dict[str, Any] = {"nargs": 0, "metavar": None, "choices": None}
        if values.takes_list:
            shape |= {"nargs": "*", "metavar": "true|false"}
        parser.add_option(
            [word, f"--no_{name}"],
            takes_value=False,
            dest=found.name,
            action=_Flag,
            group=group,
            **{**given, **shape, "choices": None},
        )
        return
    convert = _converter(values)
    shape = {"type": convert, "dest": found.name, "required": is_required, "group": group}
    if found.metadata["spelling"]:
        parser.add_option([word], takes_value=True, action="append", **given, **shape)
    elif values.takes_list:
        action = _OneOrSeveral if values.takes_one else _Several
        parser.add_option(
            [word], takes_value=True, nargs="+" if values.takes_one else "*", action=action, **given, **shape
        )
    else:
        parser.add_option([word], takes_value=True, **given, **shape)


def _is_required(found: dataclasses.Field[Any]) -> bool:
    return found.default is dataclasses.MISSING and found.default_factory is dataclasses.MISSING


def _help(found: dataclasses.Field[Any], values: ValueType) -> str:
    default = None if _is_required(found) or "timestamped" in found.metadata else default_of(found)
    text = help_in_forms(found, values).replace("%", "%%")
    if default in (None, "") or default == []:
        return text
    shown = " ".join(map(str, default)) if isinstance(default, list) else default
    return f"{text} (default: {shown})"


def _metavar(values: ValueType, choices: Sequence[str] | None) -> str | None:
    return "|".join(choices) if choices else {int: "INT", float: "NUMBER"}.get(values.kind, "TEXT")


class _Range(list[int]):
    """The numbers of a range, which stands among others in a list."""


def _converter(values: ValueType) -> Callable[[str], Any]:
    """Return the function that converts a word to a number, a text, a range or, if the field accepts it, None."""
    takes_ranges = values.kind is int and values.takes_list

    def convert(word: str) -> Any:
        if values.is_optional and word.lower() == "none":
            return None
        if not takes_ranges:
            return values.kind(word)
        try:
            return _Range(whole_numbers(word))
        except RangeError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    convert.__name__ = {int: "whole number", float: "number"}.get(values.kind, "text")
    return convert


def _flat(values: Iterable[Any]) -> list[Any]:
    """Return values with the numbers of each range in its place."""
    return [number for value in values for number in (value if isinstance(value, _Range) else (value,))]


class _Flag(argparse.Action):
    """``--name``, ``--no_name`` and, if the field takes a list, ``--name true false``."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        is_positive = option_string == self.option_strings[0]
        words = [str(value).lower() for value in values or ()]
        if not is_positive and words:
            parser.error(f"argument {option_string}: it takes no value")
        if any(word not in _TRUTH for word in words):
            parser.error(f"argument {option_string}: invalid choice: {' '.join(words)} (choose from true, false)")
        several = [_TRUTH[word] for word in words]
        setattr(namespace, self.dest, is_positive if not several else several[0] if len(several) == 1 else several)


class _Several(argparse.Action):
    """A list of values."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, _flat(values))


class _OneOrSeveral(argparse.Action):
    """A value, or a list of several."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        several = _flat(values)
        setattr(namespace, self.dest, several[0] if len(several) == 1 else several)
