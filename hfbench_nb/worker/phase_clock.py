"""How long the phases of a call take.  Standard library only.

Where a device works through a queue, waiting for it at the end of each phase would change what is measured: its own
events mark the ends instead, and are read once the call has been waited for.
"""

from __future__ import annotations

import itertools
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Protocol


class PhaseClock(Protocol):
    """Adds up the time that a call spends in each of its phases, which may alternate."""

    def begin(self) -> None:
        """Start a call."""
        ...

    def end_of(self, phase: str) -> None:
        """Count the time since the start, or since the end of another phase, as that of a phase."""
        ...

    def keep(self) -> None:
        """End the call, and record it."""
        ...

    def last(self, calls: int) -> dict[str, Sequence[float]]:
        """Return the durations of the last calls that were recorded, seconds, by phase."""
        ...


class HostPhaseClock:
    """Reads the host's clock, which costs 0.1 us, at the end of each phase.

    Parameters
    ----------
    phases
        Their names.
    wait
        Waits until the device has finished its work, where that has no events of its own.
    """

    def __init__(self, phases: Sequence[str], wait: Callable[[], object] | None = None) -> None:
        self._wait = wait
        # Arrays, which are small: the durations are in memory while the peak is read.
        self._durations_s = {phase: array("d") for phase in phases}
        self._spent_s = dict.fromkeys(phases, 0.0)
        self._last_s = 0.0

    def begin(self) -> None:
        """Start a call."""
        self._spent_s = dict.fromkeys(self._spent_s, 0.0)
        self._last_s = self._now()

    def end_of(self, phase: str) -> None:
        """Count the time since the end of the phase before."""
        now_s = self._now()
        self._spent_s[phase] += now_s - self._last_s
        self._last_s = now_s

    def keep(self) -> None:
        """Record the call."""
        for phase, spent_s in self._spent_s.items():
            self._durations_s[phase].append(spent_s)

    def last(self, calls: int) -> dict[str, Sequence[float]]:
        """Return the durations of the last calls."""
        return {phase: durations_s[-calls:] for phase, durations_s in self._durations_s.items()}

    def _now(self) -> float:
        if self._wait is not None:
            self._wait()
        return time.perf_counter()


class EventPhaseClock:
    """Lets the device mark the end of each phase by an event, and reads the events once they have happened.

    Parameters
    ----------
    phases
        Their names.
    event
        Makes an event with ``record`` and ``elapsed_time`` (milliseconds), such as those of ``torch.cuda``.
    """

    def __init__(self, phases: Sequence[str], event: Callable[[], Any]) -> None:
        self._phases = tuple(phases)
        self._event = event
        self._marks: list[tuple[str, Any]] = []
        self._calls: list[list[tuple[str, Any]]] = []

    def begin(self) -> None:
        """Start a call."""
        self._marks = []
        self.end_of("")

    def end_of(self, phase: str) -> None:
        """Mark the end of a phase in the device's queue."""
        event = self._event()
        event.record()
        self._marks.append((phase, event))

    def keep(self) -> None:
        """Record the call."""
        self._calls.append(self._marks)

    def last(self, calls: int) -> dict[str, Sequence[float]]:
        """Return the durations of the last calls, which must have been waited for."""
        spent_s = [self._spent_s(marks) for marks in self._calls[-calls:]]
        return {phase: [each[phase] for each in spent_s] for phase in self._phases}

    def _spent_s(self, marks: list[tuple[str, Any]]) -> dict[str, float]:
        spent_s = dict.fromkeys(self._phases, 0.0)
        for (_, before), (phase, after) in itertools.pairwise(marks):
            spent_s[phase] += before.elapsed_time(after) / 1000
        return spent_s


def phase_clock(phases: Sequence[str], module: Any) -> PhaseClock:
    """Return a clock for phases of calls on the host, where `module` is None, or on a device.

    Parameters
    ----------
    phases
        Their names.
    module
        Device module with ``synchronize`` and, where there are events, ``Event``, such as ``torch.cuda``.
    """
    if module is None:
        return HostPhaseClock(phases)
    try:
        module.Event(enable_timing=True)
    except (AttributeError, RuntimeError, TypeError):
        return HostPhaseClock(phases, module.synchronize)
    return EventPhaseClock(phases, lambda: module.Event(enable_timing=True))
