"""The axis `quantization`: which layers are replaced, what their weights take, and what cannot be quantized."""

from __future__ import annotations

import importlib.util

import pytest
import torch
import transformers
from support.models import short, tiny_bert, tiny_gpt2
from support.places import TESTS
from support.tiny import tiny

from hfbench_nb import ArgumentError, PyTorchBenchmark
from hfbench_nb.worker.backends.quantization_methods import method_of

pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("quantization")]

# Beside Transformers, it would be imported into every worker: `make test` has it in a folder of its own.
TORCHAO = TESTS.parent / ".torchao"
needs_torchao = pytest.mark.skipif(not (TORCHAO / "torchao").is_dir(), reason="make .torchao/.installed")


def run(configs, **given):
    arguments = short(models=list(configs), **{"memory": False, "device": "cpu", **given})
    return PyTorchBenchmark(arguments, configs=list(configs.values())).run()


def wide_bert(**given):
    return tiny_bert(hidden_size=256, intermediate_size=1024, num_attention_heads=4, **given)


def test_linear_layers_are_replaced_and_weights_take_less():
    results = run({"bert": wide_bert()}, quantization=["none", "int8_dynamic"], memory=True)
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    assert results.labels == ["bert [not quantized]", "bert [int8_dynamic]"]
    dense, quantized = (measurement for _, measurement in results.entries)
    details = quantized.details
    linear = details["quantized_layers"]["Linear"]
    assert linear == 13  # six in each of two layers, and the pooler
    assert details["dense_layers"] == {"Embedding": 3}
    assert quantized.model_facts.parameters == dense.model_facts.parameters
    assert details["dense_weights_bytes"] == 4 * dense.model_facts.parameters
    assert details["quantized_weights_bytes"] < 0.35 * details["dense_weights_bytes"]
    dense_mb, quantized_mb = results.frame["weights_mb"]
    assert quantized_mb < 0.4 * dense_mb
    assert quantized.note == dense.note


def test_a_model_without_linear_layers_says_that_nothing_was_replaced():
    results = run({"gpt2": tiny_gpt2()}, quantization="int8_dynamic", generation=True, new_tokens=2)
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    inference, generation = (measurement.note for _, measurement in results.entries)
    assert "quantization='int8_dynamic' replaced nothing: GPT2Model has 2 Embedding, 8 Conv1D" in inference
    assert "replaced 1 Linear, and left 8 Conv1D as they were" in generation  # the head alone


def test_tied_weights_stay_those_of_the_embedding():
    (results,) = [run({"llama": transformers.AutoConfig.for_model(**tiny("llama", tie_word_embeddings=True))},
                      quantization="int8_dynamic", inference=False, generation=True, new_tokens=2)]  # fmt: skip
    ((_, measurement),) = results.entries
    assert measurement.status == "ok", measurement.failure
    assert measurement.details["dense_layers"] == {"Embedding": 1}


@needs_torchao
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_alone_are_quantized(dtype):
    ((_, measurement),) = run(
        {"bert": wide_bert()}, quantization="int8_weight_only", dtype=dtype, overlay=str(TORCHAO)
    ).entries
    assert measurement.status == "ok", measurement.failure
    assert measurement.details["quantized_by"].startswith("torchao ")
    assert measurement.details["quantized_layers"] == {"Linear": 13}
    ratio = measurement.details["quantized_weights_bytes"] / measurement.details["dense_weights_bytes"]
    assert ratio < (0.35 if dtype == "float32" else 0.6)


@needs_torchao
def test_what_a_configuration_asks_for_is_done():
    wanted = {"quant_method": "torchao", "quant_type": "int8_weight_only"}
    results = run({"bert": tiny_bert(quantization_config=wanted)}, overlay=str(TORCHAO))
    ((_, measurement),) = results.entries
    assert measurement.status == "ok", measurement.failure
    assert list(results.frame["quantization"]) == ["int8_weight_only"]
    assert measurement.details["quantized_layers"] == {"Linear": 13}
    assert "quantized as the configuration asks for" in measurement.note


def test_what_a_configuration_asks_for_in_vain_is_told():
    results = run({"bert": tiny_bert(quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})})
    ((_, measurement),) = results.entries
    assert measurement.status == "ok", measurement.failure
    assert "dense weights: the configuration's quantization (bitsandbytes) is not applied: " in measurement.note
    assert "needs an NVIDIA GPU" in measurement.note


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bnb_4bit"),
        ({"load_in_8bit": True, "load_in_4bit": False}, "bnb_8bit"),
        ({"quant_method": "torchao", "quant_type": {"default": {"_type": "Int4WeightOnlyConfig"}}}, "int4_weight_only"),
        ({"quant_method": "torchao", "quant_type": "int8_dynamic_activation_int8_weight"}, "int8_dynamic"),
        ({"quant_method": "gptq", "bits": 4}, ""),
        (transformers.BitsAndBytesConfig(load_in_8bit=True), "bnb_8bit"),
        (None, ""),
    ],
)
def test_a_configuration_asks_for_a_method(given, method):
    config = transformers.BertConfig()
    if given is not None:
        config.quantization_config = given
    assert method_of(config) == method


def test_what_the_device_cannot_do_is_a_row_that_says_so():
    (error,) = run({"bert": tiny_bert()}, quantization="bnb_4bit").frame["error"]
    assert error.startswith(
        "NotImplementedError: quantization='bnb_4bit' needs an NVIDIA GPU, and this case runs on cpu"
    )


@pytest.mark.skipif(importlib.util.find_spec("torchao") is not None, reason="torchao is installed")
def test_without_the_library_the_row_says_how_to_install_it():
    (error,) = run({"bert": tiny_bert()}, quantization="int8_weight_only").frame["error"]
    assert "quantization='int8_weight_only' needs torchao, which the worker cannot import" in error
    assert "pip install 'hfbench-nb[quantization]'" in error


def test_quantized_weights_are_not_trained():
    with pytest.raises(ArgumentError, match="training=True and quantization='int8_dynamic' contradict each other"):
        short(training=True, quantization=["none", "int8_dynamic"])


def test_a_quantized_model_is_not_estimated():
    ((row, needs),) = PyTorchBenchmark(short(quantization="int8_dynamic"), configs=[tiny_bert()]).estimate().rows
    assert needs is None
    assert "a quantized model cannot be estimated: quantization='none'" in str(row.measurement.failure)


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("method", "library", "dtype"),
    [
        ("int8_weight_only", "torchao", "float16"),
        ("int8_dynamic", "torchao", "bfloat16"),
        ("int4_weight_only", "torchao", "bfloat16"),
        ("bnb_8bit", "bitsandbytes", "float16"),
        ("bnb_4bit", "bitsandbytes", "bfloat16"),
    ],
)
def test_a_gpu_runs_quantized_models(method, library, dtype):
    if not torch.cuda.is_available() or importlib.util.find_spec(library) is None:
        pytest.skip(f"needs an NVIDIA GPU and {library}")
    ((_, measurement),) = run({"bert": wide_bert()}, quantization=method, dtype=dtype, device="cuda").entries
    assert measurement.status == "ok", measurement.failure
    assert measurement.details["quantized_layers"] == {"Linear": 13}
    assert measurement.details["quantized_weights_bytes"] < 0.7 * measurement.details["dense_weights_bytes"]
