"""Making glibc's heap of this process repeatable while a peak is read.  Standard library only: the worker imports it.

The heap keeps freed blocks and hands them out again.  Which of them fit the next request depends on where they lie, and
that differs from process to process: the peak of one and the same pass was seen to vary by 6 %.  Large blocks that come
from the system, and are returned once they are freed, leave nothing to chance.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # https://man7.org/linux/man-pages/man3/mallopt.3.html
# Blocks from this size on come from the system while the heap is settled: glibc's initial threshold.
LARGE_BLOCK_BYTES = 128 * 1024
# Where the threshold, which moves up to the size of freed blocks, ends at most.
_LARGEST_THRESHOLD_BYTES = 32 * 1024 * 1024
_FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"
)  # fmt: skip


class _MallInfo(ctypes.Structure):
    """What ``mallinfo`` returns: ``hblks`` blocks come from the system; ``fordblks`` bytes of the heap are free."""

    _fields_ = [(name, ctypes.c_int) for name in _FIELDS]


class _MallInfo2(ctypes.Structure):
    """The same as ``mallinfo2`` returns it, since glibc 2.33."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


def settle_objects() -> None:
    """Collect garbage, then exempt what exists from collection, and let the collector run from now on.

    What a server has imported stays: going through it again takes a quarter of a second, and would copy the pages that
    forked processes share.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def release_free_memory() -> None:
    """Release free memory to the system, so that the next reading contains only memory in use."""
    gc.collect()
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


@contextlib.contextmanager
def settled_heap() -> Iterator[None]:
    """Release free memory, and while the block runs let large blocks come from the system and return to it.

    The gaps that earlier calls left in the heap are filled meanwhile with blocks that nobody touches: glibc would use
    the gaps first, and keep them.  Where another library allocates memory (jemalloc, tcmalloc), or no block comes from
    the system, memory is released and nothing else done.
    """
    release_free_memory()
    libc = _glibc()
    if libc is None:
        yield
        return
    _set_threshold(libc, LARGE_BLOCK_BYTES)
    gaps = list(_fill_gaps(libc))
    try:
        yield
    finally:
        for block in gaps:
            libc.free(block)
        _set_threshold(libc, _LARGEST_THRESHOLD_BYTES)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library, None unless it is GNU's."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    if not all(hasattr(libc, name) for name in ("malloc_trim", "mallopt", "mallinfo", "gnu_get_libc_version")):
        return None
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    libc.mallinfo.restype = _MallInfo
    if hasattr(libc, "mallinfo2"):
        libc.mallinfo2.restype = _MallInfo2
    return libc


def _state(libc: ctypes.CDLL) -> _MallInfo | _MallInfo2:
    state: _MallInfo | _MallInfo2 = libc.mallinfo2() if hasattr(libc, "mallinfo2") else libc.mallinfo()
    return state


def _set_threshold(libc: ctypes.CDLL, size: int) -> None:
    """Let blocks from `size` bytes on come from the system; this ends glibc's own adjustment."""
    libc.mallopt(_M_MMAP_THRESHOLD, size)
    libc.mallopt(_M_TRIM_THRESHOLD, 2 * size)  # twice, as in glibc's own adjustment


def _fill_gaps(libc: ctypes.CDLL) -> Iterator[int]:
    """Allocate every gap of the heap that a large block fits into, the largest first, so that the blocks are few.

    Never more than is free: a heap that does not tell where its blocks come from is left alone.
    """
    left = int(_state(libc).fordblks)
    size = left + LARGE_BLOCK_BYTES  # fits no gap: comes from the system
    while size >= LARGE_BLOCK_BYTES:
        from_system = _state(libc).hblks
        block = libc.malloc(size)
        is_gap = block is not None and _state(libc).hblks == from_system
        if is_gap and size <= left:
            left -= size
            yield block
            size = min(size, left)
            continue
        if block is not None:
            libc.free(block)
        if is_gap:
            return
        size = min(size // 2, left)
