"""Accelerators: with a fake driver and device module everywhere, and on a real GPU where there is one."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from conftest import short, tiny_bert

from hfbench_nb.backends import gpu
from hfbench_nb.backends.gpu import AcceleratorMeter, EventStopwatch, NvmlDevice, open_nvml

MIB = 1 << 20
UUID = "0a1b2c3d-0000-1111-2222-333344445555"


class FakeNvml:
    """A driver with one device, on which this process and another hold memory."""

    class NVMLError(Exception):
        pass

    nvmlMemory_v2 = "v2"

    def __init__(self, own_mib=300, other_mib=1000, pid=None):
        self.own_mib, self.other_mib = own_mib, other_mib
        self.pid = os.getpid() if pid is None else pid

    def nvmlInit(self):
        pass

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        if index == 1:
            raise self.NVMLError("in exclusive use")
        return "handle"

    def nvmlDeviceGetHandleByUUID(self, uuid):
        if uuid != f"GPU-{UUID}":
            raise self.NVMLError("not found")
        return "handle"

    def nvmlDeviceGetHandleByPciBusId(self, address):
        assert address == "0000:3b:00.0"
        return "handle"

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        used = None if self.own_mib is None else self.own_mib * MIB
        return [
            SimpleNamespace(pid=1, usedGpuMemory=self.other_mib * MIB),
            SimpleNamespace(pid=self.pid, usedGpuMemory=used),
        ]

    def nvmlDeviceGetMemoryInfo(self, handle, version=None):
        reserved_by_driver = 0 if version == "v2" else 600
        return SimpleNamespace(
            total=80_000 * MIB, used=(self.other_mib + (self.own_mib or 0) + reserved_by_driver) * MIB
        )

    def nvmlDeviceGetName(self, handle):
        return b"Fake GPU"

    def nvmlDeviceGetPowerManagementLimit(self, handle):
        return 700_000

    def nvmlDeviceGetPerformanceState(self, handle):
        raise self.NVMLError("not supported")

    def nvmlSystemGetDriverVersion(self):
        return "580.1"

    def nvmlDeviceGetUUID(self, handle):
        return f"GPU-{UUID}"


class FakeModule:
    """A device module whose work takes a while after it was launched."""

    def __init__(self):
        self.log = []

    def synchronize(self):
        self.log.append("synchronize")

    def reset_peak_memory_stats(self):
        self.log.append("reset")

    def max_memory_allocated(self):
        return 120 * MIB

    def max_memory_reserved(self):
        return 140 * MIB

    def memory_reserved(self):
        return 130 * MIB

    def Event(self, enable_timing):
        assert enable_timing
        return SimpleNamespace(record=lambda: self.log.append("event"), elapsed_time=lambda other: 12.0)


def test_the_process_own_figure_is_taken_and_not_the_devices():
    nvml = FakeNvml()
    meter = AcceleratorMeter(FakeModule(), NvmlDevice(nvml, "handle", {}))
    with meter.watch() as peak:
        nvml.own_mib = 420
    assert (meter.method, peak.bytes) == ("NVML process", 420 * MIB)
    assert peak.details == {
        "process_bytes": 420 * MIB,
        "device_used_bytes": 1420 * MIB,
        "allocated_peak_bytes": 120 * MIB,
        "reserved_peak_bytes": 140 * MIB,
    }


@pytest.mark.parametrize("hidden", [{"pid": 99_999_999}, {"own_mib": None}])
def test_in_a_container_the_devices_difference_is_taken_and_the_process_figure_is_missing(hidden):
    nvml = FakeNvml(**hidden)
    before = {f"GPU-{UUID}": nvml.nvmlDeviceGetMemoryInfo("handle", "v2").used}
    meter = AcceleratorMeter(FakeModule(), NvmlDevice(nvml, "handle", before))
    assert meter.current_bytes() == 0
    with meter.watch() as peak:
        nvml.other_mib += 250
    assert (meter.method, peak.bytes) == ("NVML device difference", 250 * MIB)
    assert peak.details["process_bytes"] is None


def test_without_a_driver_library_the_framework_is_asked():
    meter = AcceleratorMeter(FakeModule(), None)
    assert meter.current_bytes() == 130 * MIB
    with meter.watch() as peak:
        pass
    assert (meter.method, peak.bytes) == ("framework reserved", 140 * MIB)
    assert peak.details["process_bytes"] is None


def test_the_device_is_found_by_its_uuid(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynvml", FakeNvml())
    assert open_nvml({}, uuid=UUID).process_bytes() == 300 * MIB
    assert open_nvml({}, uuid=f"GPU-{UUID}") is not None
    assert open_nvml({}, uuid="another") is None
    assert open_nvml({}) is None
    assert gpu.used_bytes_by_uuid() == {f"GPU-{UUID}": 1300 * MIB}


def test_the_device_is_found_by_its_bus_address(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynvml", FakeNvml())
    assert open_nvml({}, pci_bus_id="0000:3b:00.0").process_bytes() == 300 * MIB


def test_facts_that_the_driver_does_not_tell_are_not_available():
    facts = NvmlDevice(FakeNvml(), "handle", {}).facts()
    assert list(facts)[:4] == ["gpu", "gpu_ram_mb", "gpu_power_watts", "gpu_performance_state"]
    assert (facts["gpu"], facts["gpu_ram_mb"], facts["gpu_power_watts"]) == ("Fake GPU", 80_000, 700.0)
    assert facts["gpu_performance_state"] == "N/A"


def test_the_clock_waits_for_the_device_before_and_after():
    module = FakeModule()
    reading = EventStopwatch(module)(lambda: module.log.append("call"), 2)
    assert module.log == ["synchronize", "event", "call", "call", "event", "synchronize"]
    assert reading.device_s == pytest.approx(0.012)
    assert reading.wall_s > 0


def test_a_device_without_events_is_timed_by_the_wall_clock():
    module = SimpleNamespace(synchronize=lambda: None)
    assert EventStopwatch(module)(lambda: None, 1).device_s is None


def test_the_device_figures_reach_the_record(monkeypatch):
    """The whole path of an accelerator, with the device module and the driver as the only fakes."""
    import torch

    from hfbench_nb import worker
    from hfbench_nb.backends import load_backend, pytorch
    from hfbench_nb.lookup import find_models
    from hfbench_nb.records import Cell, Settings
    from hfbench_nb.subjects import ModelPass

    module = FakeModule()
    module.set_device = lambda device: None
    module.get_device_properties = lambda device: SimpleNamespace(uuid=UUID)
    module.device_count = lambda: 2
    monkeypatch.setitem(__import__("sys").modules, "pynvml", FakeNvml())
    monkeypatch.setattr(pytorch, "_find_device", lambda settings: FakeDevice())
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    monkeypatch.setattr(pytorch, "_touch_common_code", lambda device, dtype: None)

    class FakeDevice:
        type = "cuda"

        def __str__(self):
            return "cuda:1"

    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    original = pytorch.pytorch_models.build
    cpu = torch.device("cpu")
    monkeypatch.setattr(pytorch.pytorch_models, "build", lambda *a: original(*a[:3], cpu, *a[4:]))
    to_tensors = pytorch.pytorch_models.to_tensors
    monkeypatch.setattr(pytorch.pytorch_models, "to_tensors", lambda *a: to_tensors(*a[:2], cpu))
    (spec,) = find_models(["tiny"], [tiny_bert()])
    measurement = worker.measure(
        load_backend("PyTorch"),
        ModelPass(Cell("PyTorch", "tiny", "inference", 1, 8), spec),
        Settings(max_seconds=0.05),
        lambda phase, facts: None,
    )
    assert measurement.status == "ok", measurement.failure
    assert measurement.memory.method == "NVML process"
    assert measurement.memory.details["reserved_peak_bytes"] == 140 * MIB
    assert len(measurement.timing.device_samples_s) == len(measurement.timing.samples_s)
    assert measurement.timing.device_samples_s[0] == pytest.approx(0.012)
    assert measurement.details["device"] == "cuda:1"


def test_nothing_but_memory_v2_is_asked_for_the_used_memory():
    assert NvmlDevice(FakeNvml(), "handle", {}).device_bytes() == 1300 * MIB


@pytest.fixture
def cuda():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    return torch


@pytest.mark.gpu
def test_a_real_gpu_is_timed_synchronised_and_its_memory_split(cuda):
    from hfbench_nb import PyTorchBenchmark

    config = tiny_bert(hidden_size=512, intermediate_size=2048, vocab_size=60_000)
    results = PyTorchBenchmark(short(max_seconds=1.0, batch_sizes=[8]), configs=[config]).run()
    row, measurement = results.frame.iloc[0], results.entries[0][1]
    assert row["status"] == "ok", row["error"]
    assert row["memory_method"].startswith("NVML")
    assert row["weights_mb"] * MIB >= 0.9 * measurement.details["parameters"] * 4
    assert measurement.memory.peak_bytes >= measurement.memory.details["reserved_peak_bytes"]
    device_s = sorted(measurement.timing.device_samples_s)[len(measurement.timing.device_samples_s) // 2]
    assert 0 < device_s <= 1.05 * row["time_s"]
    assert results.environment["use_gpu"] is True


@pytest.mark.gpu
def test_a_model_that_does_not_fit_is_out_of_memory(cuda):
    from hfbench_nb import PyTorchBenchmark

    config = tiny_bert(vocab_size=1 << 30, hidden_size=256)
    assert list(PyTorchBenchmark(short(), configs=[config]).run().frame["status"]) == ["oom"]
