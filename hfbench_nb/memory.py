"""Reading the memory of this process.  Standard library only: the measuring process imports it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
# Writing this sets the peak back to the present size: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
_RESET_PEAK = "5"
_SAMPLING_INTERVAL_S = 0.001


class Peak:
    """Filled when the watched block ends.

    Attributes
    ----------
    bytes
        Largest memory of the process during the block.
    details
        Further readings by name, bytes.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self.details: dict[str, int | None] = {}


class Meter(Protocol):
    """Reads memory on one device.

    Attributes
    ----------
    method
        How, in words for the column ``memory_method``.
    """

    method: str

    def current_bytes(self) -> int:
        """Give the memory of this process now, bytes."""
        ...

    def watch(self) -> contextlib.AbstractContextManager[Peak]:
        """Find the peak of this process while a block runs."""
        ...


def host_meter() -> Meter:
    """Give the most exact meter of this process's host memory that this machine allows."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
        _status_bytes("VmHWM")
    except (OSError, KeyError):
        return SamplingMeter()
    return HighWaterMeter()


class HighWaterMeter:
    """Resident memory by the kernel's own high-water mark (Linux): no transient escapes it."""

    method = "VmHWM"

    def current_bytes(self) -> int:
        """Give the resident memory now, bytes."""
        return _status_bytes("VmRSS")

    @contextmanager
    def watch(self) -> Iterator[Peak]:
        """Reset the high-water mark, run the block, read the mark."""
        peak = Peak()
        _CLEAR_REFS.write_text(_RESET_PEAK)
        yield peak
        peak.bytes = _status_bytes("VmHWM")


class SamplingMeter:
    """Resident memory read every millisecond by a thread: shorter transients escape it."""

    method = "sampled RSS (1 ms)"

    def __init__(self) -> None:
        self._read = _resident_reader()

    def current_bytes(self) -> int:
        """Give the resident memory now, bytes."""
        return self._read()

    @contextmanager
    def watch(self) -> Iterator[Peak]:
        """Sample while the block runs."""
        peak = Peak()
        peak.bytes = self._read()
        stop = threading.Event()

        def sample() -> None:
            while not stop.wait(_SAMPLING_INTERVAL_S):
                peak.bytes = max(peak.bytes, self._read())

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield peak
        finally:
            stop.set()
            thread.join()
            peak.bytes = max(peak.bytes, self._read())


def _status_bytes(key: str) -> int:
    for line in _STATUS.read_bytes().splitlines():
        name, _, value = line.partition(b":")
        if name == key.encode():
            return int(value.split()[0]) * 1024
    raise KeyError(key)


def _resident_reader() -> Callable[[], int]:
    """Give a function that reads this process's resident memory, bytes."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        page_bytes = os.sysconf("SC_PAGE_SIZE")
        return lambda: int(statm.read_text().split()[1]) * page_bytes
    import psutil

    process = psutil.Process()
    return lambda: int(process.memory_info().rss)
