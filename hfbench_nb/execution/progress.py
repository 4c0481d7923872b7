"""The progress of a run, and how long the rest will take."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hfbench_nb.execution.displays import Display
from hfbench_nb.execution.servers import OnProgress
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.rendering.units import format_duration


class Estimate:
    """Estimates how long the rest of a run takes, from the rounds of cases that are finished.

    A round of a case is expected to take as long as those of cases of the same kind (whatever the model) did, on
    average; or, where there are none yet, as long as any did.
    """

    def __init__(self, cases: Sequence[Case], rounds: int) -> None:
        # By kind, of which there are few however many cases there are: the estimate is requested at every message.
        self._left = Counter({kind: count * rounds for kind, count in Counter(map(_kind, cases)).items()})
        self._finished: Counter[Case] = Counter()
        self._seconds: dict[Case, float] = {}

    def add(self, case: Case, rounds: int) -> None:
        """Record that a case will be measured, too."""
        self._left[_kind(case)] += rounds

    def leave_out(self, case: Case, rounds: int) -> None:
        """Record that some rounds of a case will not be measured."""
        self._left[_kind(case)] -= rounds

    def finish(self, case: Case, seconds: float) -> None:
        """Record a finished round of a case."""
        kind = _kind(case)
        self._left[kind] -= 1
        self._finished[kind] += 1
        self._seconds[kind] = self._seconds.get(kind, 0.0) + seconds

    def remaining_s(self, current: Iterable[tuple[Case, float]] = ()) -> float | None:
        """Return the seconds that the remaining cases are expected to take; None before the first is finished.

        Parameters
        ----------
        current
            Each case of which a round is being measured, and for how long it has been, seconds; one that takes longer
            than expected may end at any moment.
        """
        if not self._seconds:
            return None
        overall = sum(self._seconds.values()) / self._finished.total()
        means = {kind: seconds / self._finished[kind] for kind, seconds in self._seconds.items()}
        remaining_s = sum(count * means.get(kind, overall) for kind, count in self._left.items())
        return remaining_s - sum(min(elapsed_s, means.get(_kind(case), overall)) for case, elapsed_s in current)


def _kind(case: Case) -> Case:
    """Return what cases of about the same duration have in common."""
    return case.of_model("")


@dataclass(frozen=True)
class _Running:
    """A round of a case, counted from 1, that is being measured since a point in time, seconds."""

    case: Case
    round: int
    start_s: float


class Progress:
    """Follows a run and shows it.

    Parameters
    ----------
    cases
        The cases that will be measured.
    display
        Where to show it.
    rounds
        In how many rounds each is measured, at most.
    is_apart
        Whether cases are measured in other processes, so that showing the time that is left does not disturb them.

    Attributes
    ----------
    machines
        How many machines share the run.
    """

    def __init__(self, cases: Sequence[Case], display: Display, rounds: int = 1, *, is_apart: bool = True) -> None:
        self.machines = 1
        self._total = len(cases) * rounds
        self._display = display
        self._rounds = rounds
        self._estimate = Estimate(cases, rounds)
        self._left = dict.fromkeys(cases, rounds)
        self._kept = 0
        self._shown = ""
        self._running: dict[str, _Running] = {}  # what each machine measures
        self._failed: dict[Case, bool] = {}
        self._doing = ""
        self._last: tuple[_Running, str] | None = None
        self._lock, self._ended = threading.RLock(), threading.Event()
        self._start = time.monotonic()
        self._show("starting the worker server")
        if is_apart and (refresh_s := getattr(display, "refresh_s", 0.0)):
            threading.Thread(target=self._tick, args=(refresh_s,), name="hfbench-progress", daemon=True).start()

    def keep(self, case: Case, left: int, rounds: Sequence[Measurement] = ()) -> None:
        """Record a case that an earlier run has measured, all of it or up to some rounds."""
        self._kept += not left
        for measurement in rounds:
            self._count(case, measurement)
        self.expect(case, left)

    def expect(self, case: Case, left: int) -> None:
        """Record in how many rounds a case is still to be measured."""
        with self._lock:
            self._estimate.leave_out(case, self._left[case] - left)
            self._left[case] = left

    def wait(self, reason: str) -> None:
        """Show that the run is waiting, and why."""
        self._show(reason)

    def begin(self, case: Case, number: int = 1, machine: str = "") -> None:
        """Show that a round of a case has started, on a machine."""
        with self._lock:
            if case not in self._left:  # nobody knew before that it would be measured
                self._left[case] = self._rounds
                self._total += self._rounds
                self._estimate.add(case, self._rounds)
            self._running[machine] = _Running(case, number, time.monotonic())
            self._show("starting", machine)

    def following(self, case: Case, number: int = 1, machine: str = "") -> OnProgress:
        """Return what shows the messages about a round of a case, on a machine: also that it has begun."""

        def follow(message: dict[str, Any]) -> None:
            if message["event"] == "begin":
                self.begin(case, number, machine)
            else:
                self.follow(message, machine)

        return follow

    def follow(self, message: dict[str, Any], machine: str = "") -> None:
        """Show a message from the worker, on a machine."""
        if message["event"] == "progress":
            samples = message.get("samples")
            self._show(message["phase"] if not samples else f"{message['phase']}, {samples} samples", machine)
        elif message["event"] == "wait":
            self.wait(message["reason"])
        elif message["event"] == "log":
            with self._lock:
                self._display.log(message["text"])

    def finish(self, case: Case, measurement: Measurement, machine: str = "") -> None:
        """Show that a round of a case is finished; one that never began on its machine took no time."""
        with self._lock:
            now_s = time.monotonic()
            running = self._running.pop(machine, _Running(case, measurement.round, now_s))
            self._count(case, measurement)
            self._estimate.finish(case, now_s - running.start_s)
            self._left[case] -= 1
            if measurement.failure is not None and measurement.failure.traceback:
                self._display.log(measurement.failure.traceback)
            self._last = running, machine
            self._show(measurement.status, machine)

    def close(self) -> None:
        """Show that the run has ended or was stopped."""
        self._ended.set()
        took = format_duration(time.monotonic() - self._start)
        kept = f", {self._kept} of them kept from before" if self._kept else ""
        finished = sum(not left for left in self._left.values())
        begun = sum(0 < left < self._rounds for left in self._left.values())
        in_part = f", {begun} in part," if begun else ""
        failures = sum(self._failed.values())
        failed = f", {failures} failed" if failures else ""
        with self._lock:
            self._display.close(f"{finished} of {len(self._left)} cases{in_part} in {took}{kept}{failed}")

    def _count(self, case: Case, measurement: Measurement) -> None:
        """Count a case that failed: one of which no round was measured."""
        failed = sum(self._failed.values())
        self._failed[case] = self._failed.get(case, True) and not measurement.succeeded
        note_failures = getattr(self._display, "fail", None)
        if note_failures is not None and failed != sum(self._failed.values()):
            note_failures(sum(self._failed.values()), len(self._failed))

    def _tick(self, refresh_s: float) -> None:
        """Let the time that is left move within a measurement, too."""
        while not self._ended.wait(refresh_s):
            with self._lock:
                if self._running:
                    self._show(self._doing)

    def _show(self, doing: str, machine: str | None = None) -> None:
        with self._lock:
            if not self._ended.is_set():
                self._doing = doing
                if machine in self._running:
                    self._last = self._running[machine], machine
                self._draw(doing)

    def _draw(self, doing: str) -> None:
        now_s = time.monotonic()
        remaining_s = self._estimate.remaining_s((each.case, now_s - each.start_s) for each in self._running.values())
        left = ""
        if remaining_s is not None:
            left = f"about {format_duration(max(remaining_s / self.machines, bool(self._running)))} left; "
        text = f"{left}{doing}"
        if self._last is not None:
            running, machine = self._last
            text += f": {running.case}"
            text += f", round {running.round} of {self._rounds}" if self._rounds > 1 else ""
            text += f", on {machine}" if machine else ""
            text += f" ({self.machines} machines)" if self.machines > 1 else ""
        if text != self._shown:
            self._shown = text
            self._display.show(self._total - sum(self._left.values()), self._total, text)
