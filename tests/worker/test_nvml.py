"""The driver of NVIDIA's GPUs: how a device is found in it and what it tells."""

from __future__ import annotations

import pytest
from support.gpus import MIB, UUID, FakeNvml

from hfbench_nb.worker.nvml import NvmlDevice, open_nvml, used_bytes_by_uuid

pytestmark = [pytest.mark.measures, pytest.mark.quick]


def test_the_device_is_found_by_its_uuid(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynvml", FakeNvml())
    assert open_nvml({}, uuid=UUID).process_bytes() == 300 * MIB
    assert open_nvml({}, uuid=f"GPU-{UUID}") is not None
    assert open_nvml({}, uuid="another") is None
    assert open_nvml({}) is None
    assert used_bytes_by_uuid() == {f"GPU-{UUID}": 1300 * MIB}


def test_the_device_is_found_by_its_bus_address(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynvml", FakeNvml())
    assert open_nvml({}, pci_bus_id="0000:3b:00.0").process_bytes() == 300 * MIB


def test_facts_that_the_driver_does_not_tell_are_not_available():
    facts = NvmlDevice(FakeNvml(), "handle", {}).facts()
    assert list(facts)[:4] == ["gpu", "gpu_ram_mb", "gpu_power_watts", "gpu_performance_state"]
    assert (facts["gpu"], facts["gpu_ram_mb"], facts["gpu_power_watts"]) == ("Fake GPU", 80_000, 700.0)
    assert facts["gpu_performance_state"] == "N/A"


def test_nothing_but_memory_v2_is_asked_for_the_used_memory():
    assert NvmlDevice(FakeNvml(), "handle", {}).device_bytes() == 1300 * MIB
