"""Making a forked child as large as a freshly started process.

A forked child shares its parent's private memory, and the kernel counts that as the child's; but it maps the pages of
program files (the framework's libraries) only when it touches them.  A process that imports the framework itself has
touched many: about 80 MB for PyTorch.  A child that touches the same pages has the memory that a script of the user's
own would have.  Linux only; elsewhere nothing is forked.
"""

from __future__ import annotations

import array
import bisect
import ctypes
import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

_PRESENT = 1 << 63  # https://docs.kernel.org/admin-guide/mm/pagemap.html
_ENTRY_BYTES = 8
_MADV_POPULATE_READ = 22  # https://man7.org/linux/man-pages/man2/madvise.2.html

Span: TypeAlias = tuple[int, int]
"""The first address of a stretch of memory, and the address after its last one."""


def resident_file_pages() -> list[Span]:
    """List the file pages that this process has touched; empty where they cannot be determined."""
    spans: list[Span] = []
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
        with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
            for line in lines:
                span, permissions, _, _, inode, *_ = line.split(maxsplit=5)
                if inode == "0" or not permissions.startswith("r") or permissions.endswith("s"):
                    continue
                start, end = (int(bound, 16) for bound in span.split("-"))
                pagemap.seek(start // mmap.PAGESIZE * _ENTRY_BYTES)
                entries = array.array("Q", pagemap.read((end - start) // mmap.PAGESIZE * _ENTRY_BYTES))
                present = (start + i * mmap.PAGESIZE for i, entry in enumerate(entries) if entry & _PRESENT)
                for address in present:
                    first = spans.pop()[0] if spans and spans[-1][1] == address else address
                    spans.append((first, address + mmap.PAGESIZE))
    except OSError:
        return []
    return spans


def touch(spans: Iterable[Span]) -> None:
    """Read from each page; the kernel does it at once where it can (Linux 5.14)."""
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, end in spans:
        if madvise(start, end - start, _MADV_POPULATE_READ):
            for page in range(start, end, mmap.PAGESIZE):
                ctypes.c_char.from_address(page).value  # noqa: B018 - reading is the point


def make_resident(spans: Iterable[Span]) -> None:
    """Touch each page of memory, so that the process really has it.

    Pages of files are read.  Others are written, with what they contain: reading a page that was never written maps the
    kernel's page of zeros, which counts for nobody.

    Parameters
    ----------
    spans
        First address and the address after the last one of each stretch, in ascending order.
    """
    private = _private_memory()
    lows = [low for low, _ in private]
    for start, end in spans:
        first = start // mmap.PAGESIZE * mmap.PAGESIZE
        for page in range(first, end, mmap.PAGESIZE):
            byte = ctypes.c_char.from_address(max(page, start))
            mapping = bisect.bisect_right(lows, page) - 1
            if mapping >= 0 and page < private[mapping][1]:
                byte.value = byte.value
            else:
                byte.value  # noqa: B018 - reading is the point


def _private_memory() -> list[tuple[int, int]]:
    """Return the writable memory of this process that belongs to no file, in ascending order; none if unknown."""
    found = []
    try:
        for line in Path("/proc/self/maps").read_text().splitlines():
            span, permissions, _, _, inode, *_ = line.split(maxsplit=5)
            if inode == "0" and permissions.startswith("rw") and permissions.endswith("p"):
                low, high = span.split("-")
                found.append((int(low, 16), int(high, 16)))
    except OSError:
        pass  # not Linux
    return found
