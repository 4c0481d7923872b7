"""Options of measured cells."""

from __future__ import annotations

import dataclasses

import pytest

from hfbench_nb import ArgumentError
from hfbench_nb.frontends.commands import FunctionOptions
from hfbench_nb.frontends.options import HelpShown, flags_of_functions, parse_function_options

pytestmark = pytest.mark.quick


def cell_options(words):
    return parse_function_options(words, "%%hfbench")


def test_options_of_a_measured_cell():
    assert cell_options([]) == FunctionOptions()
    made = cell_options(
        ["--name", "my cell", "--pass", "a", "--pass", "b", "--no-memory", "--max-seconds", "2", "--framework=pytorch"]
    )
    assert made == FunctionOptions(
        name="my cell", variables=["a", "b"], memory=False, max_seconds=2.0, framework="pytorch"
    )  # fmt: skip
    assert cell_options(["--setup", "import math"]).setup == "import math"
    assert cell_options(["--framework", "none"]).framework is None
    assert cell_options([]).variables == []  # that of the last call is another list


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--variables", "a"], "unrecognized arguments: --variables a"),
        (["--nmae", "x"], "unrecognized arguments: --nmae x. Did you mean --name?"),
        (["--models", "x"], "unrecognized arguments: --models x"),
        (["--pass"], "--pass: expected one argument"),
        (["--precision", "x"], "--precision: invalid number value: 'x'"),
    ],
)
def test_misuse_in_a_measured_cell(words, message):
    with pytest.raises(HelpShown) as shown:
        cell_options(words)
    assert message in shown.value.line
    assert shown.value.text.endswith("\n(%%hfbench --help lists the options)\n")


def test_values_of_a_measured_cell_are_checked():
    with pytest.raises(ArgumentError, match="precision=2"):
        cell_options(["--precision", "2"])
    with pytest.raises(ArgumentError, match="name=' '"):
        cell_options(["--name", " "])


def test_the_help_of_a_measured_cell_lists_every_option():
    with pytest.raises(HelpShown) as shown:
        cell_options(["--help"])
    for field in dataclasses.fields(FunctionOptions):
        assert f"--{field.metadata['spelling'] or field.name}" in shown.value.text
    assert "--variables" not in shown.value.text


def test_flags_of_functions_are_those_without_a_value():
    assert flags_of_functions() == {f"--{no}{name}" for name in ("speed", "memory", "profile") for no in ("", "no_")}
