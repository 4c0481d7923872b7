"""A framework, an axis and a task from outside in the shell and the magics."""

from __future__ import annotations

import dataclasses

import pytest
from numpy_arguments import NUMPY, NumPyBenchmarkArguments
from support.outside import BRIEF, TWO_VECTORS_KB

from hfbench_nb import ArgumentError, BenchmarkResults, IsolationError
from hfbench_nb.arguments.frameworks import Requirement
from hfbench_nb.execution.requirements import check_requirements
from hfbench_nb.frontends import cli

# One group: what most of these tests look at is measured once.
pytestmark = [pytest.mark.xdist_group("outside"), pytest.mark.usefixtures("outside", "no_hub")]


def test_a_value_that_the_axis_does_not_take_is_refused():
    with pytest.raises(ArgumentError, match="block_size=0 cannot be used"):
        NumPyBenchmarkArguments(models=["gpt2"], block_size=[8, 0])
    with pytest.raises(ArgumentError, match="inference=False, training=False, embedding=False leave nothing"):
        NumPyBenchmarkArguments(models=["gpt2"], inference=False)


def test_the_shell_has_a_command_for_the_framework(model, executor, capsys):
    asked_before = len(executor.cases)
    words = f"numpy --models {model} --embedding --no-inference --block_size 8 16 --executor recording {BRIEF}"
    assert cli.main(words.split()) == 0
    assert "EMBEDDING - VECTORS - RESULT" in capsys.readouterr().out
    cases = executor.cases[asked_before:]
    assert [(case.task, case.settings["block_size"]) for case in cases] == [("embedding", 8), ("embedding", 16)]


def test_the_help_of_the_shell_lists_framework_task_and_axis(capsys):
    assert cli.main(["--help"]) == 0
    assert "Measure models in NumPy." in capsys.readouterr().out
    assert cli.main(["numpy", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--embedding, --no_embedding Measure embedding: one vector per sequence. (default: False)" in shown
    assert "--block_size INT" in shown
    assert cli.main(["pytorch", "--help"]) == 0
    assert "--embedding" not in capsys.readouterr().out


def test_the_magic_takes_the_framework(ip, model, executor):
    asked_before = len(executor.cases)
    line = f"numpy --models {model} --embedding --no_inference --block_size 8 --executor recording {BRIEF}"
    results = ip.run_line_magic("hfbench", line)
    assert isinstance(results, BenchmarkResults)
    assert list(results.frame["vectors_kb"]) == [TWO_VECTORS_KB]
    assert len(executor.cases) == asked_before + 1


def test_misuse_of_the_magic_names_the_framework(ip):
    from IPython.core.error import UsageError

    with pytest.raises(UsageError, match="the first word must be one of pytorch, tensorflow, numpy"):
        ip.run_line_magic("hfbench", "jax --models a")


def test_a_framework_whose_packages_are_not_there_says_which():
    framework = dataclasses.replace(NUMPY, requirements=(Requirement("no-such-package"),))
    with pytest.raises(IsolationError) as raised:
        check_requirements(framework, None)
    assert str(raised.value) == "NumPy models cannot be measured here: no-such-package is not installed."
