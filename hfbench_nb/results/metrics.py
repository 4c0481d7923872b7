"""The registry of metrics.  Frame, tables, plots, comparison, fits, CSV files and Markdown iterate it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import MEGABYTE, Measurement
from hfbench_nb.protocol.registry import Registry
from hfbench_nb.protocol.round_stats import Estimate, over_rounds
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.rendering.units import format_memory, format_time

SPEED, MEMORY = "speed", "memory"

Value = Callable[[Case, Measurement], float]
Interval = Callable[[Case, Measurement], tuple[float, float]]


@dataclass(frozen=True)
class Metric:
    """A named number with a unit.

    Attributes
    ----------
    name
        The name in the frame, ending with the unit.
    title, unit
        Title and unit in tables and plots.
    value
        Computes the value for a case, NaN where it is absent; an entry in `Measurement.metrics`, as of a value that was
        read from a file, comes first.
    interval
        Returns the ends of its 95 % interval, NaN where they are not known; None for a metric without one.
    group
        The argument that requests it: ``speed`` or ``memory``; empty for a metric that is shown wherever it exists.
    is_headline
        Whether it has its own tables, CSV files and ratio in comparisons.
    is_column
        Whether it is a column of the frame; otherwise it is computed on request.
    is_folded
        Whether pages show its tables too, folded.
    beside
        Name of the metric beside whose values it is told on hover; empty for none.
    higher_is_better
        Whether a higher value is better.
    format
        Formats a value with its unit.
    resolution
        Returns the smallest share by which two values near a value must differ to count as different; None where any
        difference beyond the interval counts.
    needs_sizes
        Whether only cases with a batch size and a sequence length have it.
    is_whole
        Whether the values are whole numbers.
    is_share
        Whether the values are shares, which tables show in percent.
    of_time
        Computes it from seconds, the number of sequences of a call and their length, for a metric that derives from the
        time.
    task
        The only task that has it; empty if every task may.
    except_task
        The task that has more precise ones in its place; empty if there is none.
    short
        Title in narrow columns; by default the title.
    source
        Name of the timing that it is computed from, if that has another name.
    is_rare
        Whether it is a column only where a case has it.
    """

    name: str
    title: str
    unit: str
    value: Value | None = None
    interval: Interval | None = None
    group: str = ""
    is_headline: bool = False
    needs_sizes: bool = False
    is_whole: bool = False
    is_share: bool = False
    is_column: bool = True
    is_folded: bool = False
    beside: str = ""
    higher_is_better: bool = False
    format: Callable[[float], str] | None = None
    resolution: Callable[[float], float] | None = None
    of_time: Callable[[Any, Any, Any], Any] | None = None
    task: str = ""
    except_task: str = ""
    short: str = ""
    source: str = ""
    is_rare: bool = False

    def is_of(self, task: str) -> bool:
        """Return whether cases of a task may have it."""
        return self.task in ("", task) and task != self.except_task and (not self.needs_sizes or TASKS[task].has_sizes)

    @property
    def stem(self) -> str:
        """The name without the unit, as in ``time`` of ``time_s``; a rate has no name without it."""
        unit = f"_{self.unit.lower()}"
        return self.name if "_per_" in self.name else self.name.removesuffix(unit) or self.name

    @property
    def is_rate(self) -> bool:
        """Whether it says how much is done in a second."""
        return self.unit.endswith("/s")

    @property
    def axis_title(self) -> str:
        """Title with the unit, as in ``Time (s)``."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def of(self, case: Case, measurement: Measurement) -> float:
        """Return the value for a case; NaN where it is absent, or cases of its task have none."""
        if not self.is_of(case.task):
            return math.nan
        if self.value is None or self.name in measurement.metrics:
            return measurement.metrics.get(self.name, math.nan)
        return self.value(case, measurement)

    def interval_of(self, case: Case, measurement: Measurement) -> tuple[float, float]:
        """Return the ends of the 95 % interval of the value; NaN where they are not known.

        Where there were several rounds, any metric has one: it covers what differs between them.
        """
        rounds = self.by_round(case, measurement)
        if len(rounds) > 1:
            estimate = over_rounds([*rounds.values()])
            return estimate.low, estimate.high
        return (math.nan, math.nan) if self.interval is None else self.interval(case, measurement)

    def estimate_of(self, case: Case, measurement: Measurement) -> Estimate:
        """Return the value with the ends of its 95 % interval; NaN where they are not known."""
        return Estimate(self.of(case, measurement), *self.interval_of(case, measurement))

    def timing_of(self, measurement: Measurement) -> Timing | None:
        """Return the samples that the value is computed from, if it is one of a timing."""
        return measurement.timings.get(self.source or self.name, measurement.timing if self.group == SPEED else None)

    def by_round(self, case: Case, measurement: Measurement) -> dict[int, float]:
        """Return the value in each round that has one, by the number of the round."""
        values = {part.round: self.of(case, part) for part in measurement.each_round if part.succeeded}
        return {number: value for number, value in values.items() if not math.isnan(value)}

    def text(self, value: float) -> str:
        """Return a value with its unit; empty for NaN."""
        if math.isnan(value):
            return ""
        return f"{value:,.4g} {self.unit}".rstrip() if self.format is None else self.format(value)


METRICS: Registry[Metric] = Registry("metric")


def headlines() -> list[Metric]:
    """Return the metrics that have their own tables."""
    return [metric for metric in METRICS if metric.is_headline]


def _of_timing(read: Callable[[Timing], float]) -> Value:
    return lambda case, measurement: math.nan if measurement.timing is None else read(measurement.timing)


def _of_memory(name: str) -> Value:
    def value(case: Case, measurement: Measurement) -> float:
        amount_bytes = None if measurement.memory is None else getattr(measurement.memory, name)
        return math.nan if amount_bytes is None else amount_bytes / MEGABYTE

    return value


def time_interval(case: Case, measurement: Measurement) -> tuple[float, float]:
    """Return the 95 % interval of the time, seconds; NaN where it is not known."""
    return (math.nan, math.nan) if measurement.timing is None else measurement.timing.interval_s


def _timing_metric(name: str, title: str, read: Callable[[Timing], float], **more: Any) -> Metric:
    return Metric(name, title, "s", _of_timing(read), group=SPEED, format=format_time, **more)


def _memory_metric(name: str, title: str, attribute: str, *, is_headline: bool = False) -> Metric:
    return Metric(
        name, title, "MB", _of_memory(attribute), group=MEMORY, is_headline=is_headline, format=format_memory,
        resolution=memory_resolution,
    )  # fmt: skip


def memory_resolution(memory_mb: float) -> float:
    """Return the share within which readings of memory repeat: 0.5 %, or 0.5 MB."""
    return max(0.005, 0.5 / memory_mb) if memory_mb > 0 else math.inf


def of_part(name: str, read: Callable[[Timing], float]) -> Value:
    """Return the value of a metric of the time of a part of each call."""

    def value(case: Case, measurement: Measurement) -> float:
        return read(measurement.timings[name]) if name in measurement.timings else math.nan

    return value


def part_metric(name: str, title: str, task: str, short: str = "", *, is_headline: bool = False) -> Metric:
    """Make a metric of the time of a part of each call: its median."""

    def interval(case: Case, measurement: Measurement) -> tuple[float, float]:
        return measurement.timings[name].interval_s if name in measurement.timings else (math.nan, math.nan)

    return Metric(
        name, title, "s", of_part(name, lambda timing: timing.median_s), interval, SPEED, is_headline=is_headline,
        format=format_time, task=task, short=short,
    )  # fmt: skip


def phase_metric(phase: str, task: str) -> Metric:
    """Make a metric of the peak memory of a phase of each call."""

    def value(case: Case, measurement: Measurement) -> float:
        memory = measurement.memory
        peak_bytes = None if memory is None else memory.phase_peak_bytes.get(phase)
        return math.nan if peak_bytes is None else peak_bytes / MEGABYTE

    return Metric(
        f"{phase}_peak_mb", f"Peak memory of the {phase}", "MB", value, group=MEMORY, format=format_memory,
        resolution=memory_resolution, task=task,
    )  # fmt: skip


METRICS.register(
    Metric(
        "time_s", "Time", "s", _of_timing(lambda timing: timing.median_s), time_interval, SPEED, is_headline=True,
        format=format_time, of_time=lambda time_s, batch_size, sequence_length: time_s,
    )
)  # fmt: skip
METRICS.register(_timing_metric("time_ci_low_s", "Time, lower end", lambda timing: timing.interval_s[0]))
METRICS.register(_timing_metric("time_ci_high_s", "Time, upper end", lambda timing: timing.interval_s[1]))
METRICS.register(_timing_metric("time_min_s", "Shortest time", lambda timing: timing.min_s))
METRICS.register(_timing_metric("time_mean_s", "Mean time", lambda timing: timing.mean_s))
METRICS.register(_timing_metric("time_std_s", "Standard deviation of the time", lambda timing: timing.std_s))
for _percent in (90, 99):
    METRICS.register(
        _timing_metric(
            f"time_p{_percent}_s", f"Time, {_percent} % quantile", partial(Timing.tail_s, percent=_percent),
            beside="time_s", short=f"{_percent} % of calls within",
        )
    )  # fmt: skip
METRICS.register(
    Metric(
        "compile_s", "Compilation", "s", format=format_time, is_folded=True, is_rare=True,
        beside="time_s", short="compiled before, in",
    )
)  # fmt: skip
METRICS.register(_memory_metric("memory_mb", "Peak memory", "peak_bytes", is_headline=True))
METRICS.register(_memory_metric("baseline_mb", "Baseline memory", "baseline_bytes"))
METRICS.register(_memory_metric("weights_mb", "Memory of the weights", "weights_bytes"))
METRICS.register(_memory_metric("working_mb", "Working memory", "working_bytes"))
