"""The arguments that every framework's benchmark takes: what to measure and how.

Every field carries its help and its behaviour in its metadata; the shell, the magics and the control panel are made
from the fields.  Values are checked when an object is made, from the values alone: nothing is probed or contacted.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from hfbench_nb.arguments import checks
from hfbench_nb.arguments.fields import (
    CSV_FILES,
    Axis,
    ValueType,
    as_call,
    as_lines,
    as_table,
    axes_of,
    csv_file,
    default_of,
    option,
    timestamped,
    value_types,
)
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.arguments.measurement import DURATION, MEASURE, MeasurementArguments
from hfbench_nb.protocol.errors import ArgumentError, shown, wrong_value
from hfbench_nb.protocol.request import DEFAULT_ROUNDS, Method
from hfbench_nb.protocol.tasks import TASKS, TRAINING
from hfbench_nb.rendering.units import counted
from hfbench_nb.worker.backends import load_backend

DTYPES = ("float32", "float16", "bfloat16")

SIZES, DEVICE, MODELS = "Sizes", "Device and precision", "Models and inputs"
PLACE, REPORTS = "Where to measure", "Reports"

_DEVICE = re.compile(r"auto|cpu|mps|(cuda|xpu)(:[0-9]{1,3})?")
# As many as Linux supports processors (NR_CPUS).  OpenMP ends the process where it cannot start its threads.
_MOST_THREADS = 8192
_MOST_ROUNDS = 1000


def _check_device(name: str, value: object) -> None:
    if not isinstance(value, str) or not _DEVICE.fullmatch(value):
        raise wrong_value(name, value, "'auto', 'cpu', 'cuda', 'cuda:1', 'mps' or 'xpu'")


def _check_threads(name: str, value: object) -> None:
    checks.integer(name, value, minimum=1, maximum=_MOST_THREADS)


def _thread_words(threads: int | None) -> str:
    return "default threads" if threads is None else counted(threads, "thread")


@dataclass(kw_only=True)
class SweepArguments:
    """What spans the cases, in addition to the axes."""

    models: list[str] = option(
        [],
        "Names of the models: a folder with a config.json, or a checkpoint's name. NAME:num_hidden_layers=6 is NAME "
        "with that setting of its configuration replaced; commas separate several.",
        measured=False,
        group=MODELS,
    )
    batch_sizes: list[int] = option([8], "Batch sizes to measure.", measured=False, group=SIZES)
    sequence_lengths: list[int] = option(
        [8, 32, 128, 512], "Sequence lengths to measure, in tokens.", measured=False, group=SIZES
    )
    inference: bool = option(
        True, "Measure inference: one forward pass without gradients.", task="inference", group=MEASURE
    )
    training: bool = option(False, "Measure training: one forward and one backward pass.", task=TRAINING, group=MEASURE)


@dataclass(kw_only=True, repr=False)
class BenchmarkArguments(MeasurementArguments, SweepArguments):
    """The arguments of every framework's benchmark.

    Raises
    ------
    ArgumentError
        If a value cannot be used; the message names the parameter, the value and what is allowed.
    """

    framework: ClassVar[str]
    """Name of the registered framework."""

    device: str | list[str] = option(
        "auto",
        "Where to run: auto, cpu, cuda, cuda:1, mps or xpu. auto takes the accelerator if there is one.",
        axis=Axis(_check_device, is_place=True, is_machine=True),
        group=DEVICE,
    )
    cuda: bool = option(True, "Use a GPU or another accelerator where there is one.", group=DEVICE)
    tpu: bool = option(True, "Use a TPU where there is one.", group=DEVICE)
    dtype: str | list[str] = option(
        "float32", "Data type of weights and computation.", DTYPES, axis=Axis(), group=DEVICE
    )
    fp16: bool = option(False, "Compute in half precision; the same as dtype=float16.", measured=False, group=DEVICE)
    threads: int | list[int] | None = option(
        None,
        "Number of CPU threads of the framework. By default the framework's own.",
        axis=Axis(_check_threads, _thread_words, title="CPU threads", is_machine=True),
        group=DEVICE,
    )
    huge_pages: bool | list[bool] = option(
        False,
        "Ask for huge pages, on Linux: times then repeat better, and are often shorter. Without it, a worker gets what "
        "any process gets.",
        axis=Axis(words=lambda value: "huge pages" if value else "small pages", is_place=True, is_machine=True),
        group=DEVICE,
    )
    rounds: int = option(
        DEFAULT_ROUNDS,
        "Number of processes in which each case is measured, spread over the run; they share its time budget. The "
        "interval covers what differs between them.",
        measured=False,
        group=DURATION,
    )
    repeat: int = option(Method.repeat, "Smallest number of timing samples of a case.", group=DURATION)
    only_pretrain_model: bool = option(
        False,
        "Build the base model (inference) or the model with its language-modelling head (training), whatever "
        "architecture the configuration names.",
        group=MODELS,
    )
    trust_remote_code: bool = option(
        False, "Run code that comes with a model (auto_map in its configuration), only in the worker.", group=MODELS
    )
    seed: int = option(Method.seed, "Seed of the random inputs and weights.", group=MODELS)
    multi_process: bool = option(
        True,
        "Measure each case in a separate process. Turn it off for debugging only: the measurements then include "
        "everything that the calling process holds.",
        group=PLACE,
    )
    python: str | list[str] | None = option(
        None,
        "Python interpreter of another environment to measure in.",
        axis=Axis(
            checks.program, lambda path: "this Python" if path is None else str(path), is_place=True, is_path=True
        ),
        group=PLACE,
    )
    overlay: str | list[str] | None = option(
        None,
        "Folder that is put first on the import path of the worker, with other versions of libraries.",
        axis=Axis(checks.folder, lambda path: "no overlay" if path is None else str(path), is_place=True, is_path=True),
        group=PLACE,
    )
    verbose: bool = option(False, "Show on stderr what each worker does and prints.", measured=False, group=REPORTS)
    trace_memory_line_by_line: bool = option(False, "Trace memory line by line.", group=REPORTS)
    env_print: bool = option(False, "List the environment in the report.", measured=False, group=REPORTS)
    log_print: bool = option(
        False, "Append the report to the file named by log_filename.", measured=False, group=REPORTS
    )
    log_filename: str = timestamped("log", "Log file.", REPORTS)
    save_to_csv: bool = option(False, "Save the results to CSV files.", measured=False, group=CSV_FILES)
    inference_time_csv_file: str = csv_file("inference_time", "the time of inference", "inference")
    inference_memory_csv_file: str = csv_file("inference_memory", "the memory of inference", "inference")
    train_time_csv_file: str = csv_file("train_time", "the time of training", TRAINING)
    train_memory_csv_file: str = csv_file("train_memory", "the memory of training", TRAINING)
    env_info_csv_file: str = csv_file("env_info", "the environment")

    def check(self) -> None:  # noqa: D102 - inherited
        super().check()
        self.batch_sizes = checks.positive_integers("batch_sizes", self.batch_sizes)
        self.sequence_lengths = checks.positive_integers("sequence_lengths", self.sequence_lengths)
        checks.integer("repeat", self.repeat, minimum=1)
        checks.integer("rounds", self.rounds, minimum=1, maximum=_MOST_ROUNDS)
        checks.integer("seed", self.seed, minimum=0)
        self._check_axes()
        forbidden = [device for device in checks.values_of_axis(self, "device") if device not in ("auto", "cpu")]
        if forbidden and not self.cuda:
            raise ArgumentError(
                f"cuda=False and device={forbidden[0]!r} contradict each other: give only device.", "cuda", "device"
            )
        if self.fp16 and self.dtype not in ("float32", "float16"):
            raise ArgumentError(
                f"fp16=True and dtype={self.dtype!r} contradict each other: give only dtype.", "fp16", "dtype"
            )
        if not self.tasks:
            flags = [f"{name}=False" for name in self.task_fields().values()]
            which = "the two" if len(flags) == 2 else "them"
            raise ArgumentError(
                f"{', '.join(flags)} leave nothing to measure: one of {which} must be True.",
                *self.task_fields().values(),
            )
        self._check_files()
        # A benchmark needs one, or factories, which have names themselves.
        self.models = checks.names("models", self.models, needed=False)

    def _check_axes(self) -> None:
        """Check each value of each axis."""
        found = {field.name: field for field in dataclasses.fields(self)}
        types = value_types(type(self))
        for name, axis in axes_of(self).items():
            given = getattr(self, name)
            for value in checks.values_of_axis(self, name):
                try:
                    _check_setting(found[name], types[name], axis, value)
                except ArgumentError as error:
                    if value is given:
                        raise
                    raise ArgumentError(f"{name}={shown(given)} cannot be used: {error}", name) from None
            if isinstance(given, list | tuple) or isinstance(default_of(found[name]), list):
                setattr(self, name, checks.values_of_axis(self, name))
                checks.several_values(name, getattr(self, name))

    def _check_files(self) -> None:
        for name in self.csv_file_fields():
            checks.new_file(name, getattr(self, name), needed=self.save_to_csv)
        checks.new_file("log_filename", self.log_filename, needed=self.log_print)

    @classmethod
    def csv_file_fields(cls) -> dict[str, str]:
        """Return the usual name of each CSV file, as in ``train_time``, by the field that holds its path."""
        return {f.name: f.metadata["csv_file"] for f in dataclasses.fields(cls) if "csv_file" in f.metadata}

    @classmethod
    def task_fields(cls) -> dict[str, str]:
        """Return the name of the field that requests each task, by task, in the order of registration."""
        asking = {f.metadata["task"]: f.name for f in dataclasses.fields(cls) if f.metadata["task"]}
        return {task.name: asking[task.name] for task in TASKS if task.name in asking}

    def contradiction(self, settings: dict[str, Any]) -> str:
        """Return why the settings of a case contradict each other; empty if they are compatible.

        Parameters
        ----------
        settings
            One value of each axis.
        """
        return ""

    def to_json_string(self) -> str:
        """Return the arguments as JSON text, indented by two."""
        return json.dumps(self.to_dict(), indent=2)

    __repr__ = as_call
    __str__ = as_lines
    _repr_html_ = as_table

    @property
    def model_names(self) -> list[str]:
        """The names of the models."""
        return self.models

    @property
    def tasks(self) -> list[str]:
        """The requested tasks, such as ``inference`` and ``training``."""
        return [task for task, name in self.task_fields().items() if getattr(self, name)]

    @property
    def is_tpu(self) -> bool:
        """Whether a TPU is to be used."""
        return False

    @property
    def n_gpu(self) -> int:
        """Number of GPUs that the framework sees in this process and may use; loads the framework."""
        if not self.cuda or self.device == "cpu":
            return 0
        return load_backend(FRAMEWORKS[self.framework].backend).device_count()

    @property
    def is_gpu(self) -> bool:
        """Whether the framework sees a GPU in this process and may use it; loads the framework."""
        return self.n_gpu > 0

    @property
    def do_multi_processing(self) -> bool:
        """Whether each case is measured in a separate process."""
        return self.multi_process and not self.is_tpu

    def method(self) -> Method:  # noqa: D102 - inherited
        return dataclasses.replace(super().method(), use_accelerator=self.cuda, use_tpu=self.is_tpu)


def _check_setting(field: dataclasses.Field[Any], values: ValueType, axis: Axis, value: object) -> None:
    """Check one value of an axis."""
    if value is None and values.is_optional:
        return
    if field.metadata["choices"]:
        checks.one_of(field.name, value, field.metadata["choices"])
    elif values.kind is bool:
        checks.boolean(field.name, value)
    elif axis.check is not None:
        axis.check(field.name, value)
