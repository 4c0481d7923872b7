"""How much memory there is, and whether a case fits into it."""

from __future__ import annotations

import pytest

from hfbench_nb import ArgumentError
from hfbench_nb.analysis.budgets import PROCESS_MB, SHARE_OUTSIDE, Budget, accelerators, find_budget, memory_of
from hfbench_nb.frontends import cli

pytestmark = pytest.mark.quick


def unasked():
    raise AssertionError("facts about the machine were asked for")


def test_a_case_fits_is_close_or_does_not_fit():
    budget = Budget("", 10_000.0)
    largest_mb = (10_000 - PROCESS_MB) / (1 + SHARE_OUTSIDE)
    found = [budget.fits(mb) for mb in (0.0, largest_mb - 1, largest_mb + 1, 10_000.0, 10_000.1)]
    assert found == ["yes", "yes", "close", "close", "no"]
    assert Budget("", PROCESS_MB / 2).fits(1.0) == "close"  # a process alone may need more


def test_a_budget_says_whose_it_is():
    assert str(Budget("T4", 15_258.79)) == "T4 (15,259 MB)"
    assert str(Budget("", 512.0)) == "512 MB"


def test_accelerators_are_found_in_any_letter_case_with_what_their_makers_publish():
    for name, memory_mb in accelerators().items():
        assert (
            find_budget(None, name.lower(), unasked)
            == find_budget(None, name.upper(), unasked)
            == Budget(name, memory_mb)
        )
    assert accelerators()["T4"] == pytest.approx(16e9 / 2**20)


def test_an_amount_and_nothing_at_all():
    assert find_budget(512, None, unasked) == Budget("", 512.0)
    assert find_budget(None, None, unasked) is None


def test_this_machine_is_asked_for_its_memory():
    assert find_budget(None, "this", lambda: {"cpu_ram_mb": 4000}) == Budget("this machine", 4000.0)


@pytest.mark.parametrize(
    ("facts", "budget"),
    [
        ({"cpu_ram_mb": 8000, "container_ram_limit_mb": 2000}, Budget("this machine", 2000.0)),
        ({"cpu_ram_mb": 8000, "container_ram_limit_mb": None}, Budget("this machine", 8000.0)),
        ({"cpu_ram_mb": 8000, "use_gpu": True, "gpu": "Some", "gpu_ram_mb": 80_000}, Budget("Some", 80_000.0)),
        ({"cpu_ram_mb": 8000, "use_gpu": False, "gpu": "Some", "gpu_ram_mb": 80_000}, Budget("this machine", 8000.0)),
        ({"cpu_ram_mb": 8000, "use_gpu": True, "gpu": "Some", "gpu_ram_mb": None}, Budget("this machine", 8000.0)),
    ],
)
def test_the_memory_of_a_machine_is_that_which_a_case_can_have(facts, budget):
    assert memory_of(facts) == budget


@pytest.mark.parametrize(
    ("budget_mb", "device", "message"),
    [
        (512, "T4", "budget_mb=512 and device='T4' contradict each other"),
        (0, None, "budget_mb=0 cannot be used"),
        (-1.0, None, "budget_mb=-1.0 cannot be used"),
        (float("inf"), None, "budget_mb=inf cannot be used"),
        ("512", None, "budget_mb='512' cannot be used"),
        (None, "abacus", "device='abacus' cannot be used: device must be 'this' or one of .*T4.*; budget_mb takes any"),
        (None, 7, "device=7 cannot be used"),
    ],
)
def test_what_names_no_memory_is_refused(budget_mb, device, message):
    with pytest.raises(ArgumentError, match=message):
        find_budget(budget_mb, device, unasked)


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


def test_a_machine_that_does_not_tell_its_memory_is_said_not_to():
    with pytest.raises(ArgumentError, match="How much memory this machine has is not known: give the amount in MB"):
        memory_of({"system": "Linux"})
