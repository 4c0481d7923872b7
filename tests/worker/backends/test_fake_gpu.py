"""PyTorch's backend on an accelerator whose driver and device module are fakes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from support.gpus import MIB, UUID, FakeModule, FakeNvml
from support.models import tiny_bert, tiny_gpt2

pytestmark = [pytest.mark.measures, pytest.mark.quick]


@pytest.fixture
def fake_gpu(monkeypatch):
    """Make PyTorch's backend measure on an accelerator whose device module and driver are fakes; return the module."""
    from hfbench_nb.worker.backends import pytorch_devices, pytorch_runtime

    module = FakeModule()
    module.set_device = lambda device: None
    module.get_device_properties = lambda device: SimpleNamespace(uuid=UUID)
    module.device_count = lambda: 2
    monkeypatch.setitem(__import__("sys").modules, "pynvml", FakeNvml())
    monkeypatch.setattr(pytorch_runtime, "find_device", lambda name, method: FakeDevice())
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    monkeypatch.setattr(pytorch_devices, "touch_common_code", lambda device, dtype: None)
    monkeypatch.setattr(pytorch_runtime, "make_reference", lambda device, synchronize: synchronize)

    class FakeDevice:
        type = "cuda"

        def __str__(self):
            return "cuda:1"

    original = pytorch_runtime.pytorch_models.build
    cpu = torch.device("cpu")
    monkeypatch.setattr(pytorch_runtime.pytorch_models, "build", lambda *a: original(*a[:3], cpu, *a[4:]))
    to_tensors = pytorch_runtime.pytorch_models.to_tensors
    monkeypatch.setattr(pytorch_runtime.pytorch_models, "to_tensors", lambda *a: to_tensors(*a[:2], cpu))
    return module


def measured_on_fake(config, workload, task, **settings):
    from hfbench_nb.configurations.lookup import find_models
    from hfbench_nb.protocol.case import Case, Settings
    from hfbench_nb.protocol.request import Method
    from hfbench_nb.worker import measuring as worker
    from hfbench_nb.worker.backends import load_backend

    (spec,) = find_models(["tiny"], [config])
    method, settings = Method(max_seconds=0.05), Settings(device="cuda:1", **settings)
    measurement = worker.measure(
        lambda: load_backend("hfbench_nb.worker.backends.pytorch").open(settings, method),
        workload(Case("PyTorch", "tiny", task, 1, 8, settings), spec),
        method,
        lambda phase, facts: None,
    )
    assert measurement.status == "ok", measurement.failure
    return measurement


def test_the_device_figures_reach_the_record(fake_gpu):
    """The whole path of an accelerator, with the device module and the driver as the only fakes."""
    from hfbench_nb.worker.workloads.inference import Inference

    measurement = measured_on_fake(tiny_bert(), Inference, "inference")
    assert measurement.memory.method == "NVML process"
    assert measurement.memory.details["reserved_peak_bytes"] == 140 * MIB
    assert len(measurement.timing.device_samples_s) == len(measurement.timing.samples_s)
    assert measurement.timing.device_samples_s[0] == pytest.approx(0.012)
    assert measurement.details["device"] == "cuda:1"


def test_each_phase_of_a_generation_has_the_peaks_of_allocator_and_process(fake_gpu):
    from hfbench_nb.worker.workloads.generation import Generation

    resets = iter(range(1, 100))
    state = SimpleNamespace(phase=0)
    fake_gpu.reset_peak_memory_stats = lambda: setattr(state, "phase", next(resets))
    # Before the first call, between its phases, and before the second call of the first watched block.
    fake_gpu.max_memory_allocated = lambda: {1: 120, 2: 90, 3: 125}.get(state.phase, 0) * MIB
    measurement = measured_on_fake(tiny_gpt2(), Generation, "generation", new_tokens=4, cache_implementation="static")
    memory, details = measurement.memory, measurement.memory.details
    assert details["prefill_allocated_peak_bytes"] == 120 * MIB
    assert details["decode_allocated_peak_bytes"] == 90 * MIB
    assert details["allocated_peak_bytes"] == 125 * MIB
    # 300 MiB of the process, and 10 MiB that the allocator has released meanwhile.
    assert memory.phase_peak_bytes == {"prefill": 310 * MIB, "decode": 310 * MIB}
    assert measurement.metrics["compile_s"] >= 0  # generate compiles the pass with a static cache on a GPU
