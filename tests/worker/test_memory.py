from __future__ import annotations

import mmap
import sys

import pytest

from hfbench_nb.worker import memory
from hfbench_nb.worker.memory import HighWaterMeter, SamplingMeter, host_meter

pytestmark = pytest.mark.quick

MIB = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark is Linux's")


def hold(size):
    """Take memory, touch every page, and give it back."""
    with mmap.mmap(-1, size) as block:
        for offset in range(0, size, mmap.PAGESIZE):
            block[offset] = 1


@linux
@pytest.mark.parametrize("size_mib", [8, 64, 512])
def test_a_transient_is_read_exactly(size_mib):
    meter = host_meter()
    before = meter.current_bytes()
    with meter.watch() as peak:
        hold(size_mib * MIB)
    assert (peak.bytes - before) / MIB == pytest.approx(size_mib, abs=0.5 if size_mib == 8 else 1.0)


@linux
def test_an_earlier_peak_is_forgotten():
    meter = host_meter()
    hold(256 * MIB)
    before = meter.current_bytes()
    with meter.watch() as peak:
        pass
    assert peak.bytes - before < 2 * MIB


def test_where_the_mark_cannot_be_reset_a_sampler_reads_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_CLEAR_REFS", tmp_path)  # a folder: writing fails
    meter = host_meter()
    assert isinstance(meter, SamplingMeter)
    assert meter.method == "sampled RSS (1 ms)"


def test_the_sampler_sees_what_lasts():
    meter = SamplingMeter()
    before = meter.current_bytes()
    with meter.watch() as peak:
        held = bytearray(64 * MIB)
        held[:] = b"\1" * len(held)
    del held
    assert peak.bytes - before > 60 * MIB


@linux
def test_method_is_named():
    assert isinstance(host_meter(), HighWaterMeter)
    assert host_meter().method == "VmHWM"


@pytest.mark.parametrize("make_meter", [host_meter, SamplingMeter])
def test_each_phase_has_a_peak_of_its_own(make_meter):
    with make_meter().watch() as peak:
        hold(256 * MIB)
        peak.split()
        hold(64 * MIB)
    high, low = (phase.bytes for phase in peak.phases)
    assert 180 * MIB <= high - low <= 200 * MIB
    assert peak.bytes == high
