"""Clock and memory of accelerators, for any framework that has a device module like ``torch.cuda``."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.protocol.records import MEGABYTE
from hfbench_nb.worker.clock import Reading
from hfbench_nb.worker.memory import Peak, release_free_memory


class EventStopwatch:
    """Times calls on an accelerator: the wall clock around a synchronised block, and the device's own events.

    Parameters
    ----------
    module
        Device module with ``synchronize`` and ``Event``, such as ``torch.cuda``.
    """

    def __init__(self, module: Any) -> None:
        self._module = module

    def __call__(self, call: Callable[[], object], number: int) -> Reading:
        """Time `number` calls; the device is idle before and after."""
        before, after = self._event(), self._event()
        repeats = range(number)
        self._module.synchronize()
        start = time.perf_counter()
        if before is not None:
            before.record()
        for _ in repeats:
            call()
        if after is not None:
            after.record()
        self._module.synchronize()
        wall_s = time.perf_counter() - start
        device_s = None if before is None else before.elapsed_time(after) / 1000  # it gives milliseconds
        return Reading(wall_s, device_s)

    def _event(self) -> Any:
        try:
            return self._module.Event(enable_timing=True)
        except (AttributeError, RuntimeError, TypeError):
            return None  # a device without events: the wall clock stands alone


class NvmlDevice:
    """One NVIDIA device as the driver sees it.

    Parameters
    ----------
    nvml
        The driver's library, initialised.
    handle
        Its handle of the device.
    used_before
        What `used_bytes_by_uuid` gave before this process came to the device.
    """

    def __init__(self, nvml: Any, handle: Any, used_before: dict[str, int]) -> None:
        self._nvml = nvml
        self._handle = handle
        self._bytes_before = used_before.get(_text(nvml.nvmlDeviceGetUUID(handle)), 0)

    def process_bytes(self) -> int | None:
        """Give the device memory of this process as ``nvidia-smi`` shows it, bytes; None where that cannot be had.

        In a container the driver lists the process ids of the host, and a hypervisor may hide the figure.
        """
        try:
            processes = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)
        except self._nvml.NVMLError:
            return None
        pid = os.getpid()
        return next((process.usedGpuMemory or None for process in processes if process.pid == pid), None)

    def device_bytes(self) -> int:
        """Give the used memory of the whole device, bytes, without what the driver reserves."""
        return _used_bytes(self._nvml, self._handle)

    def growth_bytes(self) -> int:
        """Give how much the used memory of the whole device has grown since before this process came to it, bytes."""
        return max(0, self.device_bytes() - self._bytes_before)

    def facts(self) -> dict[str, Any]:
        """Describe the device, under the original's keys and then ours; what it does not tell is ``N/A``."""
        nvml, handle = self._nvml, self._handle
        readers: dict[str, Callable[[], Any]] = {
            "gpu": lambda: _text(nvml.nvmlDeviceGetName(handle)),
            "gpu_ram_mb": lambda: nvml.nvmlDeviceGetMemoryInfo(handle).total // MEGABYTE,
            "gpu_power_watts": lambda: nvml.nvmlDeviceGetPowerManagementLimit(handle) / 1000,
            "gpu_performance_state": lambda: nvml.nvmlDeviceGetPerformanceState(handle),
            "gpu_driver_version": lambda: _text(nvml.nvmlSystemGetDriverVersion()),
            "gpu_uuid": lambda: _text(nvml.nvmlDeviceGetUUID(handle)),
        }
        facts: dict[str, Any] = dict.fromkeys(readers, "N/A")
        for name, read in readers.items():
            with contextlib.suppress(nvml.NVMLError):
                facts[name] = read()
        return facts


def open_nvml(
    used_before: dict[str, int], *, uuid: str | None = None, pci_bus_id: str | None = None
) -> NvmlDevice | None:
    """Find a device by its UUID or bus address: the driver's indices differ from the framework's.

    Parameters
    ----------
    used_before
        What `used_bytes_by_uuid` gave before this process came to the device.
    uuid
        With or without ``GPU-``.
    pci_bus_id
        As in ``0000:3b:00.0``.

    Returns
    -------
    NvmlDevice or None
        None where the driver's library is not installed or does not know the device.
    """
    nvml = _initialised_nvml()
    if nvml is None or not (uuid or pci_bus_id):
        return None
    try:
        if uuid:
            name = uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
            return NvmlDevice(nvml, nvml.nvmlDeviceGetHandleByUUID(name), used_before)
        return NvmlDevice(nvml, nvml.nvmlDeviceGetHandleByPciBusId(pci_bus_id), used_before)
    except nvml.NVMLError:
        return None


def used_bytes_by_uuid() -> dict[str, int]:
    """Give the used memory of every device that the driver knows, bytes; empty without an NVIDIA driver."""
    nvml = _initialised_nvml()
    if nvml is None:
        return {}
    used: dict[str, int] = {}
    for index in range(nvml.nvmlDeviceGetCount()):
        with contextlib.suppress(nvml.NVMLError):  # a device that another user has to themselves
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            used[_text(nvml.nvmlDeviceGetUUID(handle))] = _used_bytes(nvml, handle)
    return used


def used_memory_reader(indices: Iterable[int] | None) -> Callable[[], int] | None:
    """Give a function that reads the used memory of GPUs, added up, bytes: what all processes hold there.

    Parameters
    ----------
    indices
        NVML's indices of the GPUs; None for all, and then there may be none.

    Returns
    -------
    callable or None
        None where there is no GPU to read.

    Raises
    ------
    ArgumentError
        If a GPU that was asked for is not there.
    """
    wanted = None if indices is None else list(indices)
    if wanted == []:
        return None
    nvml = _initialised_nvml()
    count = 0 if nvml is None else nvml.nvmlDeviceGetCount()
    if any(index not in range(count) for index in wanted or ()):
        raise wrong_value("gpus_to_trace", wanted, f"indices of GPUs; NVML sees {count} here")
    if nvml is None or not count:
        return None
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in (range(count) if wanted is None else wanted)]
    return lambda: sum(_used_bytes(nvml, handle) for handle in handles)


def _initialised_nvml() -> Any:
    try:
        import pynvml

        pynvml.nvmlInit()
    except ImportError:
        return None
    except pynvml.NVMLError:
        return None
    return pynvml


def _used_bytes(nvml: Any, handle: Any) -> int:
    """Give the used memory of a device, bytes: version 2 of the call leaves out what the driver reserves."""
    return int(nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2).used)


class AcceleratorMeter:
    """Memory of this process on an accelerator.

    The first of these that can be had: what ``nvidia-smi`` shows for the process; how much the used memory of the
    whole device has grown since before this process came to it; what the framework has reserved.

    Parameters
    ----------
    module
        Device module with the allocator's statistics, such as ``torch.cuda``.
    nvml
        The device as the driver sees it, or None.
    """

    def __init__(self, module: Any, nvml: NvmlDevice | None) -> None:
        self._module = module
        self._nvml = nvml
        # A framework that does not tell what its allocator has reserved tells what its tensors hold.
        self._told = "memory_reserved" if hasattr(module, "memory_reserved") else "memory_allocated"
        if nvml is None:
            self.method = self._told.replace("memory", "framework").replace("_", " ")
        elif nvml.process_bytes() is not None:
            self.method = "NVML process"
        else:
            self.method = "NVML device difference"

    def current_bytes(self) -> int:
        """Give the memory of this process on the device now, bytes, without what its allocator holds in reserve.

        Of the blocks that PyTorch takes, of 2 and 20 MiB, some stay in part empty: that is no part of the weights.
        """
        spare = (self._statistic("memory_reserved") or 0) - self._used_bytes() if self._told == "memory_reserved" else 0
        return max(0, self._seen_bytes() - spare)

    def _used_bytes(self) -> int:
        """Give what the tensors were asked for, bytes; where that is not told, with what the allocator rounds up."""
        statistics = self._module.memory_stats() if hasattr(self._module, "memory_stats") else {}
        return int(statistics.get("requested_bytes.all.current", self._statistic("memory_allocated") or 0))

    def _seen_bytes(self) -> int:
        """Give the memory of this process on the device now, bytes, as far outside the framework as it can be seen."""
        if self._nvml is None:
            return self._statistic(self._told) or 0
        if self.method == "NVML process":
            return self._nvml.process_bytes() or 0
        return self._nvml.growth_bytes()

    def release(self) -> None:
        """Let the framework's allocator give back what no tensor uses, if it can."""
        release_free_memory()
        if hasattr(self._module, "empty_cache"):
            self._module.empty_cache()

    def line_reader(self) -> Callable[[], int] | None:
        """Give a function that reads what the framework's tensors hold now, bytes: the driver sees only the reserve."""
        if not hasattr(self._module, "memory_allocated"):
            return None
        return lambda: int(self._module.memory_allocated())

    @contextmanager
    def watch(self) -> Iterator[Peak]:
        """Find the peak while the block runs.

        The allocators keep what they once reserved, so that the driver's figure after the block is its peak, but for
        what they gave back meanwhile.
        """
        peak = Peak()
        self._statistic("reset_peak_memory_stats")
        yield peak
        peak.details = {
            "process_bytes": self._nvml.process_bytes() if self._nvml else None,
            "device_used_bytes": self._nvml.device_bytes() if self._nvml else None,
            "allocated_peak_bytes": self._statistic("max_memory_allocated"),
            "reserved_peak_bytes": self._statistic("max_memory_reserved"),
        }
        peak.bytes = self._seen_bytes()
        if self._nvml is None or self._told == "memory_reserved":
            given_back = (self._statistic(f"max_{self._told}") or 0) - (self._statistic(self._told) or 0)
            peak.bytes += max(0, given_back)

    def _statistic(self, name: str) -> int | None:
        read = getattr(self._module, name, None)
        value = None if read is None else read()
        return None if value is None else int(value)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
