from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest
from support.processes import run_script

from hfbench_nb.worker import heap
from hfbench_nb.worker.heap import LARGE_BLOCK_BYTES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the heap of other systems stays as it is")

# Blocks of this process's heap, of which every second is freed: what the first pass of a model leaves behind.
GAPS = """
import ctypes
from hfbench_nb.worker.heap import settled_heap
from hfbench_nb.worker.memory import host_meter
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
libc.mallopt(-3, 32 << 20)
def block(size):
    address = libc.malloc(size)
    ctypes.memset(address, 1, size)
    return address
blocks = [block(1 << 20) for _ in range(200)]
for address in blocks[::2]:
    libc.free(address)
meter = host_meter()
def grown_mb(context, calls):
    with context:
        before = meter.current_bytes()
        with meter.watch() as peak:
            calls()
        return (peak.bytes - before) / 2**20
def in_turn():  # needs 4 MB at a time, and in sizes that fit no gap twice
    for size in range(600_000, 1_000_000, 4_000):
        four = [block(size) for _ in range(4)]
        for address in four:
            libc.free(address)
"""


def test_a_settled_heap_shows_what_is_needed_at_a_time():
    done = run_script(f"{GAPS}\nprint(grown_mb(settled_heap(), in_turn))")
    assert float(done.stdout) == pytest.approx(4.0, abs=0.6), done.stderr


def test_gaps_are_filled_without_memory_and_given_back():
    code = f"""{GAPS}
from contextlib import nullcontext
import hfbench_nb.worker.heap as heap
heap.release_free_memory()
before = meter.current_bytes()
with settled_heap():
    inside = meter.current_bytes()
again = block(1 << 20)  # fits a gap
print((inside - before) / 2**20, any(low < again < low + (1 << 20) for low in blocks[::2]) or again in blocks[::2])
"""
    grown, reused = run_script(code).stdout.split()
    assert abs(float(grown)) < 1.5  # a page for each gap
    assert reused == "True"


@pytest.mark.parametrize("variable", ["MALLOC_MMAP_MAX_=0", "GLIBC_TUNABLES=glibc.malloc.mmap_max=0"])
def test_a_heap_from_which_all_blocks_come_is_left_alone(variable):
    name, _, value = variable.partition("=")
    code = f"{GAPS}\nprint(grown_mb(settled_heap(), lambda: libc.free(block(64 << 20))))"
    done = run_script(code, env={**os.environ, name: value})
    assert 60 < float(done.stdout) < 66, done.stderr


class OtherAllocator:
    """An allocator that glibc does not know of, so that its statistics never change."""

    def __init__(self):
        self.held = 0
        self.largest = 0

    def mallopt(self, option, value):
        return 1

    def mallinfo(self):
        return SimpleNamespace(hblks=0, fordblks=1000)

    def malloc(self, size):
        self.held += size
        self.largest = max(self.largest, self.held)
        return size

    def free(self, address):
        self.held -= address


def test_another_allocator_is_left_alone(monkeypatch):
    """With jemalloc preloaded each block seemed to be a gap, and all memory was taken."""
    other = OtherAllocator()
    monkeypatch.setattr(heap, "_glibc", lambda: other)
    monkeypatch.setattr(heap, "release_free_memory", lambda: None)
    with heap.settled_heap():
        assert other.held == 0
    assert other.held == 0
    assert other.largest <= 2 * LARGE_BLOCK_BYTES


def test_large_blocks_are_those_that_glibc_calls_large_at_first():
    assert LARGE_BLOCK_BYTES == 131072
