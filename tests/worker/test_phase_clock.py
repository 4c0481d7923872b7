"""The clock of a call's phases: on the host, by a device's events, and on a device without events."""

from __future__ import annotations

import time

import pytest

from hfbench_nb.worker.phase_clock import EventPhaseClock, HostPhaseClock, phase_clock

pytestmark = pytest.mark.quick

PHASES = ("forward", "backward", "optimizer")


class Device:
    """A device module whose events are milliseconds apart, each twice as far as the one before."""

    def __init__(self):
        self.recorded, self.waits = 0, 0
        device = self

        class Event:
            def __init__(self, enable_timing):
                assert enable_timing
                self.at_ms = None

            def record(self):
                self.at_ms = 2.0**device.recorded
                device.recorded += 1

            def elapsed_time(self, later):
                return later.at_ms - self.at_ms

        self.Event = Event

    def synchronize(self):
        self.waits += 1


def call(clock, sleep_s=0.0):
    clock.begin()
    clock.end_of("optimizer")
    for _ in range(2):
        clock.end_of("forward")
        time.sleep(sleep_s)
        clock.end_of("backward")
    clock.end_of("optimizer")
    clock.keep()


def test_on_the_host_phases_that_alternate_add_up():
    clock = phase_clock(PHASES, None)
    assert isinstance(clock, HostPhaseClock)
    call(clock)
    start = time.perf_counter()
    call(clock, 0.01)
    whole_s = time.perf_counter() - start
    last = {phase: durations[0] for phase, durations in clock.last(1).items()}
    assert last["backward"] >= 0.02
    assert sum(last.values()) <= whole_s
    assert [len(durations) for durations in clock.last(5).values()] == [2, 2, 2]


def test_a_device_marks_the_phases_itself_and_is_not_waited_for():
    device = Device()
    clock = phase_clock(PHASES, device)
    assert isinstance(clock, EventPhaseClock)
    call(clock)
    # Events at 1, 2, 4, 8, 16, 32 and 64 ms.
    assert clock.last(3) == {"forward": [0.002 + 0.008], "backward": [0.004 + 0.016], "optimizer": [0.001 + 0.032]}
    assert device.waits == 0


def test_a_device_without_events_is_waited_for():
    device = Device()
    device.Event = None
    call(phase_clock(PHASES, device))
    assert device.waits == 7
