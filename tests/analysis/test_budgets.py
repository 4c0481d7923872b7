"""How much memory there is, as given: what cannot be used is named as the user knows it."""

import pytest

from hfbench_nb import ArgumentError
from hfbench_nb.analysis.budgets import find_budget
from hfbench_nb.frontends import cli

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--budget_device T40", "budget_device='T40' cannot be used: budget_device must be 'this' or one of "),
        ("--budget_device H10", " Did you mean H100"),
        ("--budget_device T4 --budget_mb 5", "budget_mb=5.0 and budget_device='T4' contradict each other: give only"),
        ("--budget_mb -1", "budget_mb=-1.0 cannot be used: budget_mb must be a number above 0.\n"),
    ],
)
def test_the_shell_names_its_own_options(capsys, words, message):
    assert cli.main(["estimate", "--models", "gpt2", *words.split()]) == 2
    assert message in capsys.readouterr().err


def test_in_python_it_is_the_parameter():
    with pytest.raises(ArgumentError, match="^device='T40' cannot be used: device must be 'this' or one of") as refused:
        find_budget(None, "T40", dict)
    assert refused.value.parameters == ("device",)
    assert find_budget(None, "t4", dict).name == "T4"
    assert find_budget(None, "this", lambda: {"cpu_ram_mb": 5}).mb == 5
