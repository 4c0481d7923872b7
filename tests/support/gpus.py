"""A fake driver and a fake device module of an accelerator."""

from __future__ import annotations

import os
from types import SimpleNamespace

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

    def memory_allocated(self):
        return 100 * MIB

    def empty_cache(self):
        self.log.append("empty cache")

    def Event(self, enable_timing):
        assert enable_timing
        return SimpleNamespace(record=lambda: self.log.append("event"), elapsed_time=lambda other: 12.0)
