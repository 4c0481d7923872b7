"""Functions whose memory is known; the measuring process imports this module, which is light for that reason."""

from __future__ import annotations

import mmap

from hfbench_nb.protocol.measurement import MEGABYTE

MADV_POPULATE_WRITE = 23  # https://man7.org/linux/man-pages/man2/madvise.2.html, since Linux 5.14


def hold_for_a_moment(size_mib):
    """Touch memory and give it back at once."""
    with mmap.mmap(-1, size_mib * MEGABYTE) as block:
        try:
            block.madvise(MADV_POPULATE_WRITE)
        except OSError:
            for offset in range(0, len(block), mmap.PAGESIZE):
                block[offset] = 1
