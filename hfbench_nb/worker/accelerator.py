"""Clock and memory of accelerators, for any framework that has a device module like ``torch.cuda``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from hfbench_nb.worker import memory
from hfbench_nb.worker.clock import Reading
from hfbench_nb.worker.heap import release_free_memory
from hfbench_nb.worker.nvml import NvmlDevice


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
        device_s = None if before is None else before.elapsed_time(after) / 1000  # elapsed_time returns milliseconds
        return Reading(wall_s, device_s)

    def _event(self) -> Any:
        try:
            return self._module.Event(enable_timing=True)
        except (AttributeError, RuntimeError, TypeError):
            return None  # a device without events: only the wall clock is read


class AcceleratorMeter:
    """Memory of this process on an accelerator.

    It uses the first available of: what ``nvidia-smi`` shows for the process; how much the used memory of the whole
    device has grown since before this process started to use it; what the framework has reserved.

    Parameters
    ----------
    module
        Device module with the allocator's statistics, such as ``torch.cuda``.
    nvml
        The device as seen by the driver, or None.
    """

    first_call_repeats = True

    def __init__(self, module: Any, nvml: NvmlDevice | None) -> None:
        self._module = module
        self._nvml = nvml
        # A framework that does not report what its allocator has reserved reports what its tensors hold.
        self._told = "memory_reserved" if hasattr(module, "memory_reserved") else "memory_allocated"
        if nvml is None:
            self.method = self._told.replace("memory", "framework").replace("_", " ")
        elif nvml.process_bytes() is not None:
            self.method = "NVML process"
        else:
            self.method = "NVML device difference"

    def current_bytes(self) -> int:
        """Return the current memory of this process on the device, bytes, without what its allocator holds in reserve.

        Some of the blocks of 2 and 20 MiB that PyTorch takes stay partly empty: that part does not count as weights.
        """
        spare = (self._statistic("memory_reserved") or 0) - self._used_bytes() if self._told == "memory_reserved" else 0
        return max(0, self._seen_bytes() - spare)

    def _used_bytes(self) -> int:
        """Return the bytes requested for tensors; where that is not reported, the bytes allocated after rounding up."""
        statistics = self._module.memory_stats() if hasattr(self._module, "memory_stats") else {}
        return int(statistics.get("requested_bytes.all.current", self._statistic("memory_allocated") or 0))

    def _seen_bytes(self) -> int:
        """Return the current memory of this process on the device, bytes, from the source that sees the most of it."""
        if self._nvml is None:
            return self._statistic(self._told) or 0
        if self.method == "NVML process":
            return self._nvml.process_bytes() or 0
        return self._nvml.growth_bytes()

    def release(self) -> None:
        """Make the framework's allocator release what no tensor uses, if it can."""
        release_free_memory()
        if hasattr(self._module, "empty_cache"):
            self._module.empty_cache()

    def settled(self) -> AbstractContextManager[None]:
        """Do nothing: its peaks repeat."""
        return nullcontext()

    def line_reader(self) -> Callable[[], int] | None:
        """Return a function that reads the bytes held by the framework's tensors: the driver sees only the reserve."""
        if not hasattr(self._module, "memory_allocated"):
            return None
        return lambda: int(self._module.memory_allocated())

    @contextmanager
    def watch(self) -> Iterator[memory.Peak]:
        """Find the peak while the block runs.

        Allocators keep what they have reserved, so the driver's reading after the block is the peak of the block, less
        what they released in the meantime.
        """
        peak = memory.Peak(self._read_peak, lambda: self._statistic("reset_peak_memory_stats"))
        self._statistic("reset_peak_memory_stats")
        yield peak
        peak.end()

    def _read_peak(self) -> memory.Reading:
        details = {
            "process_bytes": self._nvml.process_bytes() if self._nvml else None,
            "device_used_bytes": self._nvml.device_bytes() if self._nvml else None,
            "allocated_peak_bytes": self._statistic("max_memory_allocated"),
            "reserved_peak_bytes": self._statistic("max_memory_reserved"),
        }
        peak_bytes = self._seen_bytes()
        if self._nvml is None or self._told == "memory_reserved":
            given_back = (self._statistic(f"max_{self._told}") or 0) - (self._statistic(self._told) or 0)
            peak_bytes += max(0, given_back)
        return memory.Reading(peak_bytes, details)

    def _statistic(self, name: str) -> int | None:
        read = getattr(self._module, name, None)
        value = None if read is None else read()
        return None if value is None else int(value)
