"""The axis `attn_implementation`: which attention kernel a model runs."""

from __future__ import annotations

import pytest
import torch
import transformers
from support.models import short, tiny_bert, tiny_gpt2
from support.tiny import tiny
from support.workloads import open_runtime, prepare

from hfbench_nb import ArgumentError, PyTorchBenchmark
from hfbench_nb.configurations.lookup import find_models

pytestmark = pytest.mark.measures


def run(configs, **given):
    return PyTorchBenchmark(short(models=list(configs), memory=False, **given), configs=list(configs.values())).run()


def test_a_list_spans_the_sweep_and_rows_say_what_ran():
    results = run({"bert": tiny_bert(), "gpt2": tiny_gpt2()}, attn_implementation=["eager", "sdpa"], training=True)
    assert list(results.frame["status"]) == ["ok"] * 8, list(results.frame["error"])
    assert list(dict.fromkeys(results.labels)) == ["bert [eager]", "bert [sdpa]", "gpt2 [eager]", "gpt2 [sdpa]"]
    assert results.frame.groupby("attn_implementation").size().to_dict() == {"eager": 4, "sdpa": 4}


def test_by_default_it_is_the_models_own():
    (value,) = run({"bert": tiny_bert()}).frame["attn_implementation"]
    assert value == "sdpa"


def test_a_model_that_lacks_one_is_a_row_that_says_so():
    config = transformers.AutoConfig.for_model(**tiny("mamba"))
    results = run({"mamba": config, "bert": tiny_bert()}, attn_implementation="sdpa")
    assert list(results.frame["status"]) == ["error", "ok"]
    assert "Mamba" in results.frame["error"][0]


def test_a_kernel_that_nobody_knows_is_a_row_that_lists_those_that_are_known():
    (error,) = run({"bert": tiny_bert()}, attn_implementation="quick").frame["error"]
    assert error.startswith("ValueError: attn_implementation='quick': Transformers ")
    assert "eager, " in error


def test_a_kernel_that_is_not_installed_is_a_row_that_says_so():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU, and the kernel may be installed")
    (row,) = run({"bert": tiny_bert()}, attn_implementation="flash_attention_2").frame.to_dict("records")
    assert row["status"] == "error"
    assert "flash" in row["error"].lower()


def test_what_is_no_name_is_refused():
    with pytest.raises(ArgumentError, match=r"attn_implementation=7 cannot be used: .* such as 'eager' or 'sdpa'"):
        short(attn_implementation=7)


def kernel(model_type, *, task="inference", **given):
    """Return which kernel a tiny model ran on the CPU."""
    settings = {name: given.pop(name) for name in ("attn_implementation", "autocast") if name in given}
    spec = find_models(["tiny"], [transformers.AutoConfig.for_model(**tiny(model_type, **given))])[0]
    runtime = open_runtime(settings=settings)
    with runtime.hear():
        prepare(runtime, spec, task, 2, 16).call()
    runtime.close()
    return runtime.details["attention_kernel"]


def test_the_kernel_that_ran_is_told():
    assert kernel("bert") == kernel("gpt2") == kernel("llama") == "flash (CPU)"
    assert (
        kernel("bert", attn_implementation="eager")
        == kernel("t5", attn_implementation="eager")
        == "eager (no fused kernel)"
    )
    # It has a kernel that drops nothing, so that training takes another.
    assert kernel("bert", task="training") == "math"
    assert kernel("bert", task="training", attention_probs_dropout_prob=0.0) == "flash (CPU)"
    assert kernel("bert", output_attentions=True, attn_implementation="eager") == "eager (no fused kernel)"


def test_the_kernel_is_in_the_details_of_a_row():
    ((_, measurement),) = run({"bert": tiny_bert()}).entries
    assert measurement.details["attention_kernel"] == "flash (CPU)"
