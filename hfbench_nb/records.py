"""What is asked of a measuring process and what it answers.

Frozen dataclasses that cross the process border as JSON.  Standard library only: the measuring process, which may
live in another environment, imports this module.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from dataclasses import dataclass, field
from typing import Any

from hfbench_nb.line_trace import LineTrace
from hfbench_nb.stats import drifts, median_interval, relative_half_width

MEGABYTE = 1 << 20
"""Bytes in what the original benchmark, and so this one, prints as an MB."""

STATUSES = ("ok", "oom", "error", "timeout", "crashed", "cancelled")


@dataclass(frozen=True)
class Cell:
    """One point of a sweep: what one measuring process measures."""

    framework: str
    model: str
    task: str
    batch_size: int
    sequence_length: int

    def __str__(self) -> str:
        return f"{self.model}, {self.task}, batch size {self.batch_size}, sequence length {self.sequence_length}"


@dataclass(frozen=True)
class ModelSpec:
    """A model by its configuration.

    Attributes
    ----------
    name
        The name that the user gave it.
    config
        The configuration as the dictionary of a ``config.json``.
    source
        Where the configuration came from: ``configs argument``, ``directory``, ``cache``, ``catalogue`` or ``hub``.
    pickled
        Base64 of a cloudpickle of ``(configuration, {task: model class})`` for a configuration class that is not
        part of Transformers; None otherwise.
    folder
        Absolute path of the directory that the configuration came from, or None.
    """

    name: str
    config: dict[str, Any]
    source: str
    pickled: str | None = None
    folder: str | None = None

    @property
    def family(self) -> str:
        """The model type, which decides which module of Transformers is needed."""
        return str(self.config.get("model_type", "")) if self.pickled is None else ""


@dataclass(frozen=True)
class Settings:
    """How the cells of a run are measured; the arguments of the same names explain each."""

    speed: bool = True
    memory: bool = True
    device: str = "auto"
    use_accelerator: bool = True
    dtype: str = "float32"
    threads: int | None = None
    seed: int = 0
    repeat: int = 3
    precision: float = 0.02
    max_seconds: float = 5.0
    only_pretrain_model: bool = False
    torchscript: bool = False
    eager_mode: bool = False
    use_xla: bool = False
    device_idx: int = 0
    use_tpu: bool = False
    tpu_name: str | None = None
    torch_xla_tpu_print_metrics: bool = False
    trust_remote_code: bool = False
    trace_memory_line_by_line: bool = False


@dataclass(frozen=True)
class Timing:
    """Timing samples of one cell.

    Attributes
    ----------
    samples_s
        Seconds for one call, shape ``(n,)``, in the order taken.
    calls_per_sample
        How many calls a sample is the mean of.
    precision
        Relative half width of the 95 % interval of the median that was asked for; None where nothing was.
    device_samples_s
        The same by the device's own events, shape ``(n,)`` or empty.
    """

    samples_s: tuple[float, ...]
    calls_per_sample: int = 1
    precision: float | None = None
    device_samples_s: tuple[float, ...] = ()

    @property
    def median_s(self) -> float:
        """Median of the samples, seconds: the headline figure."""
        return statistics.median(self.samples_s)

    @property
    def interval_s(self) -> tuple[float, float]:
        """95 % confidence interval of the median, seconds."""
        return median_interval(self.samples_s)

    @property
    def min_s(self) -> float:
        """Smallest sample, seconds."""
        return min(self.samples_s)

    @property
    def mean_s(self) -> float:
        """Mean of the samples, seconds."""
        return statistics.fmean(self.samples_s)

    @property
    def std_s(self) -> float:
        """Standard deviation of the samples, seconds; NaN for a single one."""
        return statistics.stdev(self.samples_s) if len(self.samples_s) > 1 else math.nan

    @property
    def noisy(self) -> bool:
        """Whether the interval stayed wider than asked for, or the samples drift."""
        if self.precision is None:
            return False
        return relative_half_width(self.samples_s) > self.precision or drifts(self.samples_s, self.precision)


@dataclass(frozen=True)
class MemoryUse:
    """Peak memory of one cell's process and what it is made of, bytes.

    ``peak_bytes = baseline_bytes + weights_bytes + working_bytes``.

    Attributes
    ----------
    method
        How it was read.
    peak_bytes
        Largest memory of the process over the measured calls.
    baseline_bytes
        Interpreter and framework, before the model was built.
    weights_bytes
        What building the model added.
    working_bytes
        What the calls needed above that.
    details
        Further readings by name, bytes, such as the framework's own allocated and reserved peaks.
    """

    method: str
    peak_bytes: int
    baseline_bytes: int | None = None
    weights_bytes: int | None = None
    working_bytes: int | None = None
    details: dict[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a cell has no figures."""

    error_type: str
    message: str
    traceback: str = ""
    log: str = ""

    def __str__(self) -> str:
        return f"{self.error_type}: {self.message}" if self.message else self.error_type


@dataclass(frozen=True)
class Measurement:
    """What came back for one cell.

    Attributes
    ----------
    status
        One of `STATUSES`.
    timing, memory
        The figures, or None where not asked for or not to be had.
    failure
        Why not; where `status` is ``ok``, why one of the figures that were read from a publication is missing.
    line_trace
        How memory changed line by line in a pass of its own, where that was asked for.
    details
        What else the measuring process knows: model class, parameters, device, threads, ``build_s``, ``start_s`` ...
        ``inputs`` has the shape of each input by name, ``note`` says what a reader of the figures should know of them.
    """

    status: str
    timing: Timing | None = None
    memory: MemoryUse | None = None
    failure: Failure | None = None
    details: dict[str, Any] = field(default_factory=dict)
    line_trace: LineTrace | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the measurement as plain JSON data."""
        data = dataclasses.asdict(dataclasses.replace(self, line_trace=None))
        return {**data, "line_trace": None if self.line_trace is None else self.line_trace.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Measurement:
        """Make a measurement from what `to_dict` gave.

        Raises
        ------
        ValueError, TypeError, KeyError
            If `data` is not of that form.
        """
        if data["status"] not in STATUSES:
            raise ValueError(f"unknown status {data['status']!r}; known: {', '.join(STATUSES)}")
        timing, memory, failure = data.get("timing"), data.get("memory"), data.get("failure")
        line_trace = data.get("line_trace")
        return cls(
            status=data["status"],
            timing=None if timing is None else _timing(timing),
            memory=None if memory is None else MemoryUse(**memory),
            failure=None if failure is None else Failure(**failure),
            details=dict(data.get("details", {})),
            line_trace=None if line_trace is None else LineTrace.from_dict(line_trace),
        )


def _timing(data: dict[str, Any]) -> Timing:
    timing = Timing(
        **{**data, "samples_s": tuple(data["samples_s"]), "device_samples_s": tuple(data.get("device_samples_s", ()))}
    )
    if not timing.samples_s or not all(isinstance(s, int | float) and math.isfinite(s) for s in timing.samples_s):
        raise ValueError("samples_s must hold at least one finite number")
    return timing
