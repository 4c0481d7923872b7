"""From arguments to cases: axes that concern one task alone."""

from __future__ import annotations

import pytest

from hfbench_nb import ArgumentError, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.arguments.ranges import RangeError, whole_numbers
from hfbench_nb.arguments.sweep import completed, plan
from hfbench_nb.protocol.case import Case, Settings

pytestmark = pytest.mark.quick


def cases(**given):
    args = PyTorchBenchmarkArguments(models=["gpt2"], batch_sizes=[1], sequence_lengths=[8], **given)
    return [
        (case.task, case.settings.get("new_tokens"), case.settings.get("cache_implementation")) for case in plan(args)
    ]


def test_an_axis_of_one_task_multiplies_the_cases_of_that_task_alone():
    found = cases(generation=True, training=True, new_tokens=[32, 128], cache_implementation=["dynamic", "static"])
    assert found.count(("inference", None, None)) == found.count(("training", None, None)) == 1
    assert {case for case in found if case[0] == "generation"} == {
        ("generation", tokens, cache) for tokens in (32, 128) for cache in ("dynamic", "static")
    }
    assert len(found) == 6
    assert cases(generation=True, inference=False) == [("generation", 32, None)]
    assert len(cases(new_tokens=[32, 128], dtype=["float32", "bfloat16"])) == 2
    assert PyTorchBenchmarkArguments(new_tokens=8).new_tokens == [8]  # always a list, as sizes are


def test_cases_of_earlier_versions_get_no_axis_of_another_task():
    before = {"dtype": "float32"}
    inference = completed(Case("PyTorch", "gpt2", "inference", 1, 8, Settings(before)), before)
    assert "new_tokens" not in inference.settings
    training = completed(Case("PyTorch", "gpt2", "training", 1, 8, Settings(before)), before)
    assert (training.settings["optimizer"], training.settings["gradient_accumulation"]) == ("none", 1)
    generation = completed(Case("PyTorch", "gpt2", "generation", 1, 8, Settings(before)), before)
    assert generation.settings["new_tokens"] == 32


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"new_tokens": 1}, "new_tokens=1 cannot be used: new_tokens must be a whole number of at least 2"),
        ({"new_tokens": [32, 1]}, r"new_tokens=\[32, 1\]"),
        ({"new_tokens": []}, r"new_tokens=\[\]"),
        ({"new_tokens": [32, 32]}, "different values"),
        ({"new_tokens": None}, "new_tokens=None"),
        ({"cache_implementation": "a b"}, "cache_implementation='a b'"),
        ({"generation": 1}, "generation=1"),
        ({"optimizer": "lion"}, "optimizer='lion' cannot be used: optimizer must be 'none', 'sgd', .* or 'adamw_8bit'"),
        ({"autocast": "float32"}, "autocast='float32' cannot be used: autocast must be 'none', 'bfloat16' or 'float1"),
        ({"gradient_accumulation": 0}, "gradient_accumulation=0 cannot be used: .* a whole number from 1 to 10000"),
        ({"gradient_checkpointing": "yes"}, "gradient_checkpointing='yes'"),
        ({"lora_rank": [8, -1]}, r"lora_rank=\[8, -1\]"),
    ],
)
def test_what_a_task_cannot_have_is_refused_before_anything_runs(given, message):
    with pytest.raises(ArgumentError, match=message):
        PyTorchBenchmarkArguments(models=["gpt2"], **{"generation": True, **given})


@pytest.mark.parametrize(
    "given",
    [{"generation": True}, {"new_tokens": 8}, {"cache_implementation": "static"}, {"optimizer": "adamw"},
     {"gradient_checkpointing": True}, {"autocast": "bfloat16"}, {"gradient_accumulation": 2}, {"lora_rank": 8}],
)  # fmt: skip
def test_tensorflow_refuses_what_it_has_not(given):
    (name,) = given
    with pytest.raises(ArgumentError, match=f"{name}=.* cannot be used with TensorFlow: it is an argument of PyTorch"):
        TensorFlowBenchmarkArguments(models=["gpt2"], **given)


def test_a_range_doubles_and_says_why_it_cannot():
    assert whole_numbers("8-512") == [8, 16, 32, 64, 128, 256, 512]
    assert whole_numbers("3-3") == [3]
    for word, why in (
        ("8-500", "doubling 8 gives 256 and 512, so it must be 8-256 or 8-512"),
        ("0-8", "it must start at 1 or more"),
        ("16-8", "not end before it starts"),
    ):
        with pytest.raises(RangeError, match=f"{word} is not a range: .*{why}"):
            whole_numbers(word)
