"""What a configuration says of its class and its weights."""

from __future__ import annotations

import json

import pytest
from support.models import short, tiny_bert

from hfbench_nb import PyTorchBenchmark

pytestmark = pytest.mark.measures


@pytest.mark.parametrize(
    ("quantization", "method"),
    [
        ({"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]}, "mxfp4"),
        ({"quant_method": "gptq", "bits": 4}, "gptq"),
        ({"quant_method": "awq", "bits": 4}, "awq"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        ({"quant_method": "compressed-tensors", "format": "pack-quantized"}, "compressed-tensors"),
    ],
)
def test_a_quantized_checkpoint_is_measured_dense_and_the_note_says_so(tmp_path, quantization, method):
    config = {**tiny_bert().to_dict(), "quantization_config": quantization}
    (tmp_path / "config.json").write_text(json.dumps(config))
    results = PyTorchBenchmark(short(models=[str(tmp_path)], memory=False)).run()
    assert list(results.frame["status"]) == ["ok"], list(results.frame["error"])
    expected = f"dense weights: the configuration's quantization ({method}) is not applied"
    assert results.entries[0][1].note == expected


def test_quantization_that_this_device_cannot_have_is_noted_with_the_reason(tmp_path):
    config = {**tiny_bert().to_dict(), "quantization_config": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    results = PyTorchBenchmark(short(models=[str(tmp_path)], memory=False)).run()
    assert list(results.frame["status"]) == ["ok"], list(results.frame["error"])
    note = results.entries[0][1].note
    assert note.startswith("dense weights: the configuration's quantization (load_in_4bit) is not applied: ")
    assert "needs an NVIDIA GPU, and this case runs on cpu" in note
