"""Reading the memory of this process.  Standard library only: the measuring process imports it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATM = "/proc/self/statm"
_STATM_BYTES = 256  # longer than its seven numbers
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

    def release(self) -> None:
        """Give back to the system what is free, so that the next reading holds only what is in use."""
        ...

    def watch(self) -> contextlib.AbstractContextManager[Peak]:
        """Find the peak of this process while a block runs."""
        ...

    def line_reader(self) -> Callable[[], int] | None:
        """Give what reads the device's memory at each line of a trace, bytes; None where that is host memory."""
        ...


def host_meter() -> Meter:
    """Give the most exact meter of this process's host memory that this machine allows."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
        _status_bytes("VmHWM")
    except (OSError, KeyError):
        return SamplingMeter()
    return HighWaterMeter()


class HostMeter:
    """What the readers of host memory have in common."""

    def release(self) -> None:
        """Give back to the system what is free, so that the next reading holds only what is in use."""
        release_free_memory()

    def line_reader(self) -> None:
        """Give nothing: traces read host memory by themselves."""


class HighWaterMeter(HostMeter):
    """Resident memory by the kernel's own high-water mark (Linux): no transient escapes it.

    Notes
    -----
    Since Linux 6.2 the kernel counts pages for each processor and adds up when ``max(32, 2 * processors)`` pages have
    come together there, so that the mark of a transient that is gone may lack that many pages for each processor that
    touched it, separately for anonymous and file pages: 128 KiB on up to 16 processors, 512 KiB on 64 of them.
    ``VmRSS`` has the same lag where it is not added up exactly for its reader; ``smaps_rollup``, which is exact, walks
    over every page of the process and takes many times as long.
    """

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


class SamplingMeter(HostMeter):
    """Resident memory read every millisecond by a thread: shorter transients escape it."""

    method = "sampled RSS (1 ms)"

    def __init__(self) -> None:
        self._resident = ResidentReader()
        self._read = self._resident.read

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


def release_free_memory() -> None:
    """Give back to the system what is free, so that the next reading holds only what is in use."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # a C library other than GNU's
            ctypes.CDLL(None).malloc_trim(0)


def _status_bytes(key: str) -> int:
    for line in _STATUS.read_bytes().splitlines():
        name, _, value = line.partition(b":")
        if name == key.encode():
            return int(value.split()[0]) * 1024
    raise KeyError(key)


class ResidentReader:
    """Reads the resident memory of this process quickly, for callers who do it often.

    On Linux through one descriptor that stays open, about a microsecond a reading, elsewhere through psutil.  A child
    that is forked later must make its own: the descriptor belongs to the process that opened it.

    Attributes
    ----------
    read
        Gives the resident memory now, bytes.
    """

    def __init__(self) -> None:
        self.read: Callable[[], int]
        try:
            descriptor = os.open(_STATM, os.O_RDONLY)
        except OSError:
            import psutil

            process = psutil.Process()
            self.read = lambda: int(process.memory_info().rss)
            return
        self._close = weakref.finalize(self, os.close, descriptor)
        pread, page_bytes = os.pread, os.sysconf("SC_PAGE_SIZE")
        self.read = lambda: int(pread(descriptor, _STATM_BYTES, 0).split(None, 2)[1]) * page_bytes
