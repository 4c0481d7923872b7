from __future__ import annotations

import sys
import textwrap

import pytest
from support.processes import run_script

from hfbench_nb.worker import memory
from hfbench_nb.worker.memory import HighWaterMeter, SamplingMeter, host_meter

pytestmark = pytest.mark.quick

MIB = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark is Linux's")


def readings_mib(code, *arguments):
    """Return what code prints, from a process that has no threads of other tests, whose memory it would read, too."""
    done = run_script(BEFORE + textwrap.dedent(code), *arguments)
    assert done.returncode == 0, done.stderr
    return [int(word) / MIB for word in done.stdout.split()]


BEFORE = """
import mmap, sys, time
from hfbench_nb.worker import memory

MIB = 1 << 20

def hold(size, seconds=0):  # takes memory, touches every page, and gives it back
    with mmap.mmap(-1, size) as block:
        for offset in range(0, size, mmap.PAGESIZE):
            block[offset] = 1
        time.sleep(seconds)

"""


@linux
@pytest.mark.parametrize("size_mib", [8, 64, 512])
def test_a_transient_is_read_exactly(size_mib):
    code = """
    meter = memory.host_meter()
    before = meter.current_bytes()
    with meter.watch() as peak:
        hold(int(sys.argv[1]) * MIB)
    print(peak.bytes - before)
    """
    assert readings_mib(code, size_mib) == [pytest.approx(size_mib, abs=0.5 if size_mib == 8 else 1.0)]


@linux
def test_an_earlier_peak_is_forgotten():
    code = """
    meter = memory.host_meter()
    hold(256 * MIB)
    before = meter.current_bytes()
    with meter.watch() as peak:
        pass
    print(peak.bytes - before)
    """
    (growth,) = readings_mib(code)
    assert growth < 2


def test_where_the_mark_cannot_be_reset_a_sampler_reads_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_CLEAR_REFS", tmp_path)  # a folder: writing fails
    meter = host_meter()
    assert isinstance(meter, SamplingMeter)
    assert meter.method == "sampled RSS (1 ms)"


def test_the_sampler_sees_what_lasts():
    code = """
    meter = memory.SamplingMeter()
    before = meter.current_bytes()
    with meter.watch() as peak:
        held = bytearray(64 * MIB)
        held[:] = b"\\1" * len(held)
    print(peak.bytes - before)
    """
    (growth,) = readings_mib(code)
    assert growth > 60


@linux
def test_method_is_named():
    assert isinstance(host_meter(), HighWaterMeter)
    assert host_meter().method == "VmHWM"


@pytest.mark.parametrize("meter", ["host_meter", "SamplingMeter"])
def test_each_phase_has_a_peak_of_its_own(meter):
    code = """
    with getattr(memory, sys.argv[1])().watch() as peak:
        hold(256 * MIB, 0.05)  # samples need a moment, where other processes compute
        peak.split()
        hold(64 * MIB, 0.05)
    print(*(phase.bytes for phase in peak.phases), peak.bytes)
    """
    high, low, peak = readings_mib(code, meter)
    assert 180 <= high - low <= 200
    assert peak == high
