from __future__ import annotations

import sys

import pytest
from support.processes import run_script

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
    assert float(done.stdout) == pytest.approx(4.0, abs=0.4), done.stderr


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


def test_large_blocks_are_those_that_glibc_calls_large_at_first():
    assert LARGE_BLOCK_BYTES == 131072
