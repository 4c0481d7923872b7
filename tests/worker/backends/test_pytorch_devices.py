"""Devices of PyTorch that are not NVIDIA's."""

from __future__ import annotations

import pytest
import torch
from support.gpus import MIB
from support.models import short, tiny_bert

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.worker.accelerator import AcceleratorMeter
from hfbench_nb.worker.backends.pytorch_devices import device_module

pytestmark = [pytest.mark.measures, pytest.mark.quick]


def test_the_memory_of_an_apple_gpu_is_what_its_driver_has_given(monkeypatch):
    held = {"current_allocated_memory": 100 * MIB, "driver_allocated_memory": 150 * MIB}
    for name in held:
        monkeypatch.setattr(torch.mps, name, lambda name=name: held[name])
    module = device_module(torch.device("mps"))
    module.set_device(torch.device("mps"))
    meter = AcceleratorMeter(module, None)
    assert meter.method == "framework reserved"
    assert meter.current_bytes() == 100 * MIB
    assert meter.line_reader()() == 100 * MIB
    with meter.watch() as peak:
        held["driver_allocated_memory"] = 400 * MIB
    assert peak.bytes == 400 * MIB
    assert peak.details["allocated_peak_bytes"] is None


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="needs an Apple GPU")
def test_a_case_runs_on_an_apple_gpu():
    row = PyTorchBenchmark(short(device="mps"), configs=[tiny_bert()]).run().frame.iloc[0]
    assert row["status"] == "ok", row["error"]
    assert row["memory_method"] == "framework reserved"
    assert row["time_s"] > 0
    assert row["weights_mb"] > 0
