"""What comes back for a case: frozen records that cross the process border as JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.decoding import make
from hfbench_nb.protocol.facts import Costs, ModelFacts
from hfbench_nb.protocol.line_trace import LineTrace
from hfbench_nb.protocol.peaks import Peaks
from hfbench_nb.protocol.profile import Profile
from hfbench_nb.protocol.timing import Timing

MEGABYTE = 1 << 20
"""Bytes in an MB as printed by the original benchmark, and therefore by this one."""

LARGEST_VALUE = 1e12
"""Largest time, seconds, or memory, MB, that is accepted from a file."""

STATUSES = ("ok", "oom", "error", "timeout", "crashed", "cancelled")


@dataclass(frozen=True)
class MemoryUse:
    """Peak memory of a worker and what it is made of, bytes.

    ``peak_bytes = baseline_bytes + weights_bytes + working_bytes``.

    Attributes
    ----------
    method
        How it was read.
    peak_bytes
        Largest memory of the process during a call.
    baseline_bytes
        Interpreter and framework, before the model was built.
    weights_bytes
        What building the model added, less the buffers that no checkpoint stores.
    working_bytes
        What the calls needed in addition, and those buffers.
    details
        Further readings by name, bytes, such as the framework's own allocated and reserved peaks; for display only.
    phase_peak_bytes
        The peak of each phase by its name, such as ``prefill``, bytes, if the call consists of phases.
    """

    method: str
    peak_bytes: int
    baseline_bytes: int | None = None
    weights_bytes: int | None = None
    working_bytes: int | None = None
    details: dict[str, int | None] = field(default_factory=dict)
    phase_peak_bytes: dict[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """Raise a `ValueError` if no process can have so much memory."""
        if self.peak_bytes < 0:
            raise ValueError("peak_bytes cannot be negative")


@dataclass(frozen=True)
class Failure:
    """Why a case has no metrics."""

    error_type: str
    message: str
    traceback: str = ""
    log: str = ""

    def __str__(self) -> str:
        return f"{self.error_type}: {self.message}" if self.message else self.error_type


@dataclass(frozen=True)
class Measurement:
    """What came back for one case.

    Attributes
    ----------
    status
        One of `STATUSES`.
    timing, memory
        Samples and readings, or None if not requested or not available.
    failure
        Why not; if `status` is ``ok``, why one of the metrics read from a publication is missing.
    line_trace
        How memory changed line by line in a separate pass, if requested.
    line_trace_failure
        Why there is no `line_trace` although it was requested; empty otherwise.
    profile
        Where the time went in a separate pass, if requested.
    profile_failure
        Why there is no `profile` although it was requested; empty otherwise.
    note
        What a reader of the metrics should know about the inputs; empty if nothing.
    resolved
        The axes as the worker resolved them: the device that ``auto`` stands for, the framework's number of threads.
    metrics
        Further metrics by name, in the units of the metrics registry.
    timings
        Samples of parts of the timed calls, such as the time to the first token, by the name of their metric.
    model_facts
        What the model consists of; None for a function, and where no model was built.
    costs
        What measuring took: of all rounds together, where there were several.
    framework_version
        Of the framework in the worker; empty if it is not known.
    peaks
        What the device can do at most, if that was measured.
    details
        Further facts from the worker, for display only: shapes of the inputs, attention kernel ...
    round
        The number of the round, from 1, in which this was measured.
    rounds
        What came back in each round, where there were several and this is what they say together.
    """

    status: str
    timing: Timing | None = None
    memory: MemoryUse | None = None
    failure: Failure | None = None
    details: dict[str, Any] = field(default_factory=dict)
    line_trace: LineTrace | None = None
    line_trace_failure: str = ""
    profile: Profile | None = None
    profile_failure: str = ""
    note: str = ""
    resolved: Settings = field(default_factory=Settings)
    metrics: dict[str, float] = field(default_factory=dict)
    timings: dict[str, Timing] = field(default_factory=dict)
    model_facts: ModelFacts | None = None
    costs: Costs = field(default_factory=Costs)
    framework_version: str = ""
    peaks: Peaks | None = None
    round: int = 1
    rounds: tuple[Measurement, ...] = ()

    @property
    def noisy(self) -> bool:
        """Whether the call, or a part of it, is not known as precisely as requested."""
        taken = [*([] if self.timing is None else [self.timing]), *self.timings.values()]
        return any(timing.noisy for timing in taken)

    @property
    def succeeded(self) -> bool:
        """Whether the case was measured."""
        return self.status == "ok"

    @property
    def each_round(self) -> tuple[Measurement, ...]:
        """What came back in each round: the measurement itself where there was one."""
        return self.rounds or (self,)

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement as plain JSON data, without its rounds, which are written one by one."""
        plain = dataclasses.replace(self, line_trace=None, profile=None, resolved=Settings(), rounds=())
        data = {**dataclasses.asdict(plain), "resolved": dict(self.resolved)}
        del data["rounds"]
        traced = {"line_trace": self.line_trace, "profile": self.profile}
        return {**data, **{name: None if each is None else each.to_dict() for name, each in traced.items()}}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Measurement:
        """Make a measurement from what `to_dict` returned.

        Raises
        ------
        ValueError
            If `data` is not of that form, or no measurement can have such metrics.
        """
        return make(cls, data)

    def check(self) -> None:
        """Raise a `ValueError` if the status is unknown."""
        if self.status not in STATUSES:
            raise ValueError(f"unknown status {self.status!r}; known: {', '.join(STATUSES)}")
        if self.round < 1:
            raise ValueError("the number of a round starts at 1")
