"""Memory and time on accelerators, with a fake driver and device module."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.gpus import MIB, UUID, FakeModule, FakeNvml

from hfbench_nb.worker.accelerator import AcceleratorMeter, EventStopwatch
from hfbench_nb.worker.nvml import NvmlDevice

pytestmark = [pytest.mark.measures, pytest.mark.quick]


def test_the_process_own_figure_is_taken_and_not_the_devices():
    nvml = FakeNvml()
    meter = AcceleratorMeter(FakeModule(), NvmlDevice(nvml, "handle", {}))
    assert meter.current_bytes() == (300 - 30) * MIB  # without what the allocator has reserved and no tensor uses
    meter._module.memory_stats = lambda: {"requested_bytes.all.current": 95 * MIB}  # the rest is rounding
    assert meter.current_bytes() == (300 - 35) * MIB
    with meter.watch() as peak:
        nvml.own_mib = 420
    given_back = 10 * MIB  # reserved at the peak, and no more once the block is over
    assert (meter.method, peak.bytes) == ("NVML process", 420 * MIB + given_back)
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
    assert (meter.method, peak.bytes) == ("NVML device difference", 250 * MIB + 10 * MIB)
    assert peak.details["process_bytes"] is None


def test_without_a_driver_library_the_framework_is_asked():
    meter = AcceleratorMeter(FakeModule(), None)
    assert meter.current_bytes() == 100 * MIB
    with meter.watch() as peak:
        pass
    assert (meter.method, peak.bytes) == ("framework reserved", 140 * MIB)
    assert peak.details["process_bytes"] is None


def test_a_framework_that_tells_only_what_its_tensors_hold_is_asked_for_that():
    module = SimpleNamespace(memory_allocated=lambda: 90 * MIB, max_memory_allocated=lambda: 120 * MIB)
    alone = AcceleratorMeter(module, None)
    assert (alone.method, alone.current_bytes()) == ("framework allocated", 90 * MIB)
    with alone.watch() as peak:
        pass
    assert peak.bytes == 120 * MIB
    with AcceleratorMeter(module, NvmlDevice(FakeNvml(), "handle", {})).watch() as peak:
        pass
    assert peak.bytes == 300 * MIB  # its allocator keeps what tensors let go: the driver still sees it


def test_what_no_tensor_uses_is_given_back_before_a_reading():
    module = FakeModule()
    AcceleratorMeter(module, None).release()
    assert module.log == ["empty cache"]
    AcceleratorMeter(SimpleNamespace(), None).release()


def test_the_clock_waits_for_the_device_before_and_after():
    module = FakeModule()
    reading = EventStopwatch(module)(lambda: module.log.append("call"), 2)
    assert module.log == ["synchronize", "event", "call", "call", "event", "synchronize"]
    assert reading.device_s == pytest.approx(0.012)
    assert reading.wall_s > 0


def test_a_device_without_events_is_timed_by_the_wall_clock():
    module = SimpleNamespace(synchronize=lambda: None)
    assert EventStopwatch(module)(lambda: None, 1).device_s is None
