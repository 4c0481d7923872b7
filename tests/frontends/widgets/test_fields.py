"""The fields of the form: one for each argument, whatever it is."""

from __future__ import annotations

import dataclasses

import pytest
from support.widgets import find, only, write

from hfbench_nb import ArgumentError, PyTorchBenchmarkArguments
from hfbench_nb.arguments.fields import option

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_a_new_argument_appears_by_itself(make, replace_arguments):
    @dataclasses.dataclass(kw_only=True)
    class Newer(PyTorchBenchmarkArguments):
        turns: int | None = option(None, "Turns of the sweep.")

    replace_arguments(Newer)
    panel = make(models=["gpt2"])
    write(panel, "turns", "3")
    assert panel.args == dataclasses.replace(panel.args, turns=3)


def test_a_type_without_a_control_is_refused(make, replace_arguments):
    @dataclasses.dataclass(kw_only=True)
    class Newer(PyTorchBenchmarkArguments):
        odd: complex = option(1j, "Odd.")

    replace_arguments(Newer)
    with pytest.raises(TypeError, match="odd: there is no control for values of type complex"):
        make()


def test_an_axis_takes_one_value_or_several(make):
    panel = make(models=["gpt2"], dtype=["float32", "bfloat16"])
    assert only(panel, "field-dtype").value == "float32, bfloat16"
    write(panel, "dtype", "bfloat16")
    write(panel, "threads", "1, 2")
    only(panel, "field-torchscript").value = (False, True)
    assert (panel.args.dtype, panel.args.threads, panel.args.torchscript) == ("bfloat16", [1, 2], [False, True])
    write(panel, "dtype", "bfloat16, float8")
    with pytest.raises(ArgumentError):
        _ = panel.args
    assert "dtype=" in only(panel, "help-dtype").value or any("float8" in m.value for m in find(panel, "message"))
