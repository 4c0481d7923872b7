"""What is asked of a measuring process and what it answers.

Frozen dataclasses that cross the process border as JSON.  Standard library only: the measuring process, which may
live in another environment, imports this module.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from hfbench_nb.protocol.decoding import make
from hfbench_nb.protocol.line_trace import LineTrace
from hfbench_nb.protocol.timing import Timing

MEGABYTE = 1 << 20
"""Bytes in what the original benchmark, and so this one, prints as an MB."""

LARGEST_SIZE = 999_999_999
"""Largest batch size and sequence length."""

LARGEST_FIGURE = 1e12
"""Largest time, seconds, or memory, MB, that a file is believed."""

TASKS = ("inference", "training", "function")
STATUSES = ("ok", "oom", "error", "timeout", "crashed", "cancelled")
# Details that are shown as text, or tell rows apart.
_TEXTS = ("note", "line_trace_failure", "framework_version", "transformers_version")


@dataclass(frozen=True)
class Cell:
    """What one measuring process measures: a point of a sweep, or a function, which has no sizes.

    Attributes
    ----------
    framework
        ``PyTorch``, ``TensorFlow`` or, for a function that needs neither, ``Python``.
    model
        Name of the model or of the function.
    task
        ``inference``, ``training`` or ``function``.
    batch_size, sequence_length
        Sizes of the input; None for a function.
    """

    framework: str
    model: str
    task: str
    batch_size: int | None = None
    sequence_length: int | None = None

    def check(self) -> None:
        """Raise a `ValueError` if there can be no such cell."""
        if self.task not in TASKS:
            raise ValueError(f"unknown task {self.task!r}; known: {', '.join(TASKS)}")
        if not self.model.strip():
            raise ValueError("the name of the model is empty")
        sizes = (self.batch_size, self.sequence_length)
        if self.task == "function":
            if sizes != (None, None):
                raise ValueError("a function has no batch size or sequence length")
        elif not all(size is not None and 1 <= size <= LARGEST_SIZE for size in sizes):
            raise ValueError(f"batch size and sequence length must be whole numbers from 1 to {LARGEST_SIZE}: {sizes}")

    @property
    def sizes(self) -> tuple[int, int]:
        """Batch size and sequence length of a model's cell."""
        assert self.batch_size is not None
        assert self.sequence_length is not None
        return self.batch_size, self.sequence_length

    def __str__(self) -> str:
        if self.batch_size is None:
            return f"{self.model}, {self.task}"
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
    checkpoint
        The name without the overrides that it may carry; empty where the configuration was given.
    overrides
        The settings of `config` that its overrides changed.
    """

    name: str
    config: dict[str, Any]
    source: str
    pickled: str | None = None
    folder: str | None = None
    checkpoint: str = ""
    overrides: dict[str, Any] = field(default_factory=dict)

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
    max_seconds: float = 1.5
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
        What building the model added, less the buffers that no checkpoint stores.
    working_bytes
        What the calls needed above that, and those buffers.
    details
        Further readings by name, bytes, such as the framework's own allocated and reserved peaks.
    """

    method: str
    peak_bytes: int
    baseline_bytes: int | None = None
    weights_bytes: int | None = None
    working_bytes: int | None = None
    details: dict[str, int | None] = field(default_factory=dict)

    def check(self) -> None:
        """Raise a `ValueError` if no process can have so much memory."""
        if self.peak_bytes < 0:
            raise ValueError("peak_bytes cannot be negative")


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
        ``calls`` passes were made in all, for the memory, to warm up and to be timed, and took ``calls_s``.
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
        ValueError
            If `data` is not of that form, or no measurement can have such figures.
        """
        return make(cls, data)

    def check(self) -> None:
        """Raise a `ValueError` if the status is unknown, or a detail that is shown as text is none."""
        if self.status not in STATUSES:
            raise ValueError(f"unknown status {self.status!r}; known: {', '.join(STATUSES)}")
        for name in _TEXTS:
            if not isinstance(self.details.get(name, ""), str):
                raise ValueError(f"details[{name!r}] must be text")
