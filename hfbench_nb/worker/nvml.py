"""NVIDIA devices as seen by their driver.  Without the driver's library, no device is found."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import Any

from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.worker.energy import NoEnergyCounterError


class NvmlDevice:
    """One NVIDIA device as seen by the driver.

    Parameters
    ----------
    nvml
        The initialised library of the driver.
    handle
        The library's handle for the device.
    used_before
        What `used_bytes_by_uuid` returned before this process started to use the device.
    """

    def __init__(self, nvml: Any, handle: Any, used_before: dict[str, int]) -> None:
        self._nvml = nvml
        self._handle = handle
        self._bytes_before = used_before.get(_text(nvml.nvmlDeviceGetUUID(handle)), 0)

    def process_bytes(self) -> int | None:
        """Return the device memory of this process as shown by ``nvidia-smi``, bytes; None where it is not available.

        In a container the driver lists the process ids of the host, and a hypervisor may hide the value.
        """
        try:
            processes = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)
        except self._nvml.NVMLError:
            return None
        pid = os.getpid()
        return next((process.usedGpuMemory or None for process in processes if process.pid == pid), None)

    def device_bytes(self) -> int:
        """Return the used memory of the whole device, bytes, without what the driver reserves."""
        return _used_bytes(self._nvml, self._handle)

    def growth_bytes(self) -> int:
        """Return the growth of the used memory of the whole device since before this process used it, bytes."""
        return max(0, self.device_bytes() - self._bytes_before)

    def joules(self) -> float:
        """Return the energy that the device has taken since its driver was loaded, joules.

        Raises
        ------
        NoEnergyCounterError
            If it does not count that.
        """
        try:
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1000  # it counts millijoules
        except self._nvml.NVMLError as error:
            raise NoEnergyCounterError(f"the GPU's driver does not report its energy: {error}") from None

    def facts(self) -> dict[str, Any]:
        """Describe the device, under the original's keys and then ours; what it does not report is ``N/A``."""
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
        What `used_bytes_by_uuid` returned before this process started to use the device.
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
    """Return the used memory of every device that the driver knows, bytes; empty without an NVIDIA driver."""
    nvml = _initialised_nvml()
    if nvml is None:
        return {}
    used: dict[str, int] = {}
    for index in range(nvml.nvmlDeviceGetCount()):
        with contextlib.suppress(nvml.NVMLError):  # a device in another user's exclusive use
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            used[_text(nvml.nvmlDeviceGetUUID(handle))] = _used_bytes(nvml, handle)
    return used


def used_memory_reader(indices: Iterable[int] | None) -> Callable[[], int] | None:
    """Return a function that reads the total used memory of GPUs, bytes: what all processes hold there.

    Parameters
    ----------
    indices
        NVML's indices of the GPUs; None for all of them, of which there may be none.

    Returns
    -------
    callable or None
        None where there is no GPU to read.

    Raises
    ------
    ArgumentError
        If a requested GPU does not exist.
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
    """Return the used memory of a device, bytes: version 2 of the call leaves out what the driver reserves."""
    return int(nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2).used)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
