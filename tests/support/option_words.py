"""Words as people type them, and what becomes of them."""

from __future__ import annotations

import dataclasses

import pytest

from hfbench_nb.arguments.fields import is_default
from hfbench_nb.frontends.options import HelpShown, parse


def arguments(words, command="pytorch"):
    """Parse the options of a run of one model."""
    return parse([command, "--models", "m", *words.split()]).arguments


def with_dashes(words):
    """Spell the names of options, but not their values, with dashes."""
    parts = [word.partition("=") if word.startswith("--") else ("", "", word) for word in words]
    return [name.replace("_", "-") + equals + value for name, equals, value in parts]


def misuse(words):
    with pytest.raises(HelpShown) as shown:
        parse(words.split())
    assert shown.value.code == 2
    return shown.value


def help_of(*words):
    with pytest.raises(HelpShown) as shown:
        parse([*words, "--help"])
    assert (shown.value.code, shown.value.line) == (0, "")
    return shown.value.text


def same(one, other):
    """Tell whether two runs are the same, but for names of files that carry the time."""
    values = [
        {
            f.name: None if "timestamped" in f.metadata and is_default(f, value) else (type(value), value)
            for f in dataclasses.fields(args)
            for value in [getattr(args, f.name)]
        }
        for args in (one, other)
    ]
    return type(one) is type(other) and values[0] == values[1]
