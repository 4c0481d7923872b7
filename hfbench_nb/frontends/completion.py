"""Completion of the magics' commands, options and values, from the fields of the commands' dataclasses."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any

from hfbench_nb.arguments.fields import value_types
from hfbench_nb.configurations import catalog
from hfbench_nb.frontends.commands import FunctionOptions, commands
from hfbench_nb.frontends.options import underscored

_MAGIC = re.compile(r"(?P<percents>%{1,2})hfbench(?P<command>_[a-z]+)?\s(?P<words>.*)", re.DOTALL)
_NAME = "hfbench_magics"
_OF_ANY_MAGIC = ("--help", "-o", "-q")


def complete(line: str) -> list[str]:
    """Return what may stand at the end of a line, of which the last word may have been begun.

    Parameters
    ----------
    line
        The line up to the cursor.

    Examples
    --------
    >>> complete("r = %hfbench pytorch --dtype ")
    ['float32', 'float16', 'bfloat16']
    """
    found = _MAGIC.search(line)
    if found is None:
        return []
    words = found["words"].split()
    begun = "" if not words or found["words"][-1].isspace() else words.pop()
    kinds = commands(prints=False)
    if found["command"]:
        words.insert(0, found["command"][1:])
    elif len(found["percents"]) == 2:
        return _of_parts((FunctionOptions,), words, begun, _OF_ANY_MAGIC)
    chosen = next((word for word in words if word in kinds), None)
    if chosen is None:
        return [] if words and words[-1] == "-o" else [*kinds, *_OF_ANY_MAGIC]
    return _of_parts(kinds[chosen].parts, words[words.index(chosen) + 1 :], begun, _OF_ANY_MAGIC)


def _of_parts(parts: Sequence[type], words: Sequence[str], begun: str, others: Sequence[str]) -> list[str]:
    """Return the values of the option that was named last, or the options where there can be no more values."""
    options: dict[str, tuple[dataclasses.Field[Any], bool]] = {}
    positional: list[str] = []
    for part in parts:
        types = value_types(part)
        for field in dataclasses.fields(part):
            if field.metadata["positional"]:
                positional += _values(field)
            is_flag = types[field.name].kind is bool
            for word in _spellings(field, is_flag=is_flag):
                options[word] = field, types[field.name].takes_list
    if begun.startswith("--") and "=" in begun:
        words, begun = [*words, begun.partition("=")[0]], ""
    if begun.startswith("-"):
        dashed = "-" in begun.lstrip("-")
        return [f"--{word[2:].replace('_', '-')}" if dashed else word for word in options] + [*others]
    named = next((place for place in reversed(range(len(words))) if words[place].startswith("-")), None)
    if named is not None and underscored(words[named]) in options:
        field, takes_list = options[underscored(words[named])]
        if takes_list or named == len(words) - 1:
            return _values(field)
    return positional if named is None else []


def _spellings(field: dataclasses.Field[Any], *, is_flag: bool) -> Iterable[str]:
    if not field.metadata["positional"]:
        name = field.metadata["spelling"] or field.name
        yield f"--{name}"
        if is_flag:
            yield f"--no_{name}"


def _values(field: dataclasses.Field[Any]) -> list[str]:
    # The catalogue stands above the arguments, whose fields cannot refer to it.
    return catalog.all_names() if field.name == "models" else [*field.metadata["suggestions"]()]


def add_completion(shell: Any) -> None:
    """Let IPython complete the lines of the magics."""
    from IPython.core import completer

    if not hasattr(completer, "context_matcher"):  # before IPython 8.6
        shell.set_hook("complete_command", lambda shell, event: complete(event.text_until_cursor), re_key=r".*%hfbench")
        return

    @completer.context_matcher(identifier=_NAME)  # type: ignore[untyped-decorator]
    def match(context: Any) -> Any:
        token = context.token
        found = [word for word in complete(context.text_until_cursor) if word.startswith(token)]
        completions = [completer.SimpleCompletion(text=word, type="hfbench") for word in found]
        # Python's own completions do not apply: the line is not Python.
        return {"completions": completions, "suppress": bool(found), "ordered": True}

    remove_completion(shell)
    shell.Completer.custom_matchers.append(match)


def remove_completion(shell: Any) -> None:
    """Undo `add_completion`, where IPython allows it."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != _NAME]
