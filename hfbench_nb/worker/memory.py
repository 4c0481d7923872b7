"""Reading the memory of this process.  Standard library only: the worker imports it."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from hfbench_nb.worker.heap import release_free_memory, settled_heap

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATM = "/proc/self/statm"
_STATM_BYTES = 256  # enough for its seven numbers
# Writing this resets the peak to the present size: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
_RESET_PEAK = "5"
_SAMPLING_INTERVAL_S = 0.001


class Reading(NamedTuple):
    """The largest memory of the process since the last reset, and additional readings by name, bytes."""

    bytes: int
    details: Mapping[str, int | None]


class Peak:
    """The peak of a watched block, known once the block has ended, and those of its phases.

    Parameters
    ----------
    read
        Reads the peak since the last reset.
    reset
        Lets the peak begin at the present size.

    Attributes
    ----------
    phases
        The peak of each phase: of the whole block, unless `split` has divided it.
    """

    def __init__(self, read: Callable[[], Reading], reset: Callable[[], object]) -> None:
        self._read, self._reset = read, reset
        self.phases: list[Reading] = []

    def split(self) -> None:
        """End a phase, and begin the next."""
        self.end()
        self._reset()

    def end(self) -> None:
        """End the last phase."""
        self.phases.append(self._read())

    @property
    def bytes(self) -> int:
        """Largest memory of the process during the block, bytes."""
        return max(phase.bytes for phase in self.phases)

    @property
    def details(self) -> dict[str, int | None]:
        """Additional readings by name, bytes: the largest of the phases."""
        names = dict.fromkeys(name for phase in self.phases for name in phase.details)
        return {name: _largest(phase.details.get(name) for phase in self.phases) for name in names}


def _largest(readings: Iterable[int | None]) -> int | None:
    return max((reading for reading in readings if reading is not None), default=None)


class Meter(Protocol):
    """Reads memory on one device.

    Attributes
    ----------
    method
        How memory is read, as shown in the column ``memory_method``.
    first_call_repeats
        Whether the peak of a first call is the same in each process; if not, only that of a settled one counts.
    """

    method: str
    first_call_repeats: bool

    def current_bytes(self) -> int:
        """Return the current memory of this process, bytes."""
        ...

    def release(self) -> None:
        """Release free memory to the system, so that the next reading contains only memory in use."""
        ...

    def settled(self) -> contextlib.AbstractContextManager[None]:
        """Release free memory, and let this process keep none while a block runs: the block's peak then repeats."""
        ...

    def watch(self) -> contextlib.AbstractContextManager[Peak]:
        """Record the peak of this process while a block runs."""
        ...

    def line_reader(self) -> Callable[[], int] | None:
        """Return a function that reads the device's memory, bytes, at each traced line; None if that is host memory."""
        ...


def host_meter() -> Meter:
    """Return the most accurate meter of this process's host memory that this machine allows."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
        _status_bytes("VmHWM")
    except (OSError, KeyError):
        return SamplingMeter()
    return HighWaterMeter()


class HostMeter:
    """Common base of the meters of host memory."""

    first_call_repeats = False

    def settled(self) -> contextlib.AbstractContextManager[None]:
        """Release free memory, and let this process keep none while a block runs."""
        return settled_heap()

    def release(self) -> None:
        """Release free memory to the system, so that the next reading contains only memory in use."""
        release_free_memory()

    def line_reader(self) -> None:
        """Return None: traces read host memory themselves."""


class HighWaterMeter(HostMeter):
    """Resident memory by the kernel's own high-water mark (Linux), which misses no transient.

    Notes
    -----
    Since Linux 6.2 the kernel counts pages per processor and adds a count to the total once it reaches
    ``max(32, 2 * processors)`` pages.  The mark of a past transient may therefore lack that many pages for each
    processor that touched it, separately for anonymous and file pages: 128 KiB on up to 16 processors, 512 KiB on 64.
    ``VmRSS`` lags in the same way unless the kernel sums it exactly on reading; ``smaps_rollup``, which is exact, walks
    over every page of the process and takes many times as long.
    """

    method = "VmHWM"

    def current_bytes(self) -> int:
        """Return the current resident memory, bytes."""
        return _status_bytes("VmRSS")

    @contextmanager
    def watch(self) -> Iterator[Peak]:
        """Reset the high-water mark, run the block, and read the mark."""
        peak = Peak(lambda: Reading(_status_bytes("VmHWM"), {}), _reset_high_water)
        _reset_high_water()
        yield peak
        peak.end()


class SamplingMeter(HostMeter):
    """Resident memory read every millisecond by a thread, which can miss shorter transients."""

    method = "sampled RSS (1 ms)"

    def __init__(self) -> None:
        self._resident = ResidentReader()
        self._read = self._resident.read

    def current_bytes(self) -> int:
        """Return the current resident memory, bytes."""
        return self._read()

    @contextmanager
    def watch(self) -> Iterator[Peak]:
        """Sample resident memory while the block runs."""
        largest_bytes = self._read()
        stop, lock = threading.Event(), threading.Lock()

        def take() -> Reading:
            nonlocal largest_bytes
            with lock:  # a sample that began before a reset must not bring back what was before
                largest_bytes = max(largest_bytes, self._read())
                return Reading(largest_bytes, {})

        def reset() -> None:
            nonlocal largest_bytes
            with lock:
                largest_bytes = self._read()

        def sample() -> None:
            while not stop.wait(_SAMPLING_INTERVAL_S):
                take()

        peak = Peak(take, reset)
        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield peak
        finally:
            stop.set()
            thread.join()
            peak.end()


def _reset_high_water() -> None:
    _CLEAR_REFS.write_text(_RESET_PEAK)


def _status_bytes(key: str) -> int:
    for line in _STATUS.read_bytes().splitlines():
        name, _, value = line.partition(b":")
        if name == key.encode():
            return int(value.split()[0]) * 1024
    raise KeyError(key)


class ResidentReader:
    """Reads the resident memory of this process quickly, for callers who do it often.

    On Linux through one descriptor that stays open, about a microsecond per reading, elsewhere through psutil.  A child
    that is forked later must create its own reader: the descriptor belongs to the process that opened it.

    Attributes
    ----------
    read
        Returns the current resident memory, bytes.
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
