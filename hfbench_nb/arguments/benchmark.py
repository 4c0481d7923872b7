"""The argument dataclasses: what to measure and how.

Every field carries its help text in its metadata; the shell, the magics and the control panel are made from the
fields.  Values are checked when an object is made, from the values alone: nothing is probed, read or contacted.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
from dataclasses import dataclass
from typing import Any

from hfbench_nb.arguments import checks
from hfbench_nb.arguments.fields import accept_negative_names, as_call, as_lines, as_table, option, timestamped
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.records import Settings

DTYPES = ("float32", "float16", "bfloat16")
FP16_OPT_LEVELS = ("O0", "O1", "O2", "O3")

_DEVICE = re.compile(r"auto|cpu|mps|(cuda|xpu)(:[0-9]{1,3})?")
# PyTorch takes the number of threads as a 32-bit integer.
_MOST_THREADS = (1 << 31) - 1


@dataclass(kw_only=True, repr=False)
class BenchmarkArguments:
    """What every framework's benchmark takes.

    Raises
    ------
    ArgumentError
        If a value cannot be used; the message names the parameter, the value and what is allowed.
    """

    models: list[str] = option(
        [],
        "Names of the models: a folder with a config.json, or a checkpoint's name. NAME:num_hidden_layers=6 is NAME "
        "with that setting of its configuration replaced; commas separate several.",
    )
    batch_sizes: list[int] = option([8], "Batch sizes to measure.")
    sequence_lengths: list[int] = option([8, 32, 128, 512], "Sequence lengths to measure, in tokens.")
    inference: bool = option(True, "Measure inference: one forward pass without gradients.")
    training: bool = option(False, "Measure training: one forward and one backward pass.")
    speed: bool = option(True, "Measure time.")
    memory: bool = option(True, "Measure memory.")
    cuda: bool = option(True, "Use a GPU or another accelerator where there is one.")
    tpu: bool = option(True, "Use a TPU where there is one.")
    fp16: bool = option(False, "Compute in half precision; the same as dtype=float16.")
    verbose: bool = option(False, "Show on stderr what each measuring process does and prints.")
    trace_memory_line_by_line: bool = option(False, "Trace memory line by line.")
    save_to_csv: bool = option(False, "Save the results to CSV files.")
    log_print: bool = option(False, "Append the report to the file named by log_filename.")
    env_print: bool = option(False, "Let the report list the environment.")
    multi_process: bool = option(
        True,
        "Measure each cell in a process of its own. Turn it off for debugging only: the figures then include "
        "everything that the calling process holds.",
    )
    inference_time_csv_file: str = timestamped("inference_time", "CSV file for the time of inference.")
    inference_memory_csv_file: str = timestamped("inference_memory", "CSV file for the memory of inference.")
    train_time_csv_file: str = timestamped("train_time", "CSV file for the time of training.")
    train_memory_csv_file: str = timestamped("train_memory", "CSV file for the memory of training.")
    env_info_csv_file: str = timestamped("env_info", "CSV file for the environment.")
    log_filename: str = timestamped("log", "Log file.")
    repeat: int = option(3, "Smallest number of timing samples of a cell.")
    only_pretrain_model: bool = option(
        False, "Build the base model (inference) or the model with its language-modelling head (training), whatever "
        "architecture the configuration names."
    )  # fmt: skip
    trust_remote_code: bool = option(
        False, "Run code that a model brings along (auto_map in its configuration), in the measuring process alone."
    )
    precision: float = option(
        0.02, "Stop timing a cell once the 95 % confidence interval of the median is within this share of it."
    )
    max_seconds: float = option(1.5, "Stop timing a cell after so many seconds, precise or not.")
    timeout_s: float = option(3600.0, "Give a cell up after so many seconds, building and memory included.")
    device: str = option(
        "auto", "Where to run: auto, cpu, cuda, cuda:1, mps or xpu. auto takes the accelerator if there is one."
    )
    dtype: str = option("float32", "Data type of weights and computation.", DTYPES)
    threads: int | None = option(None, "Number of CPU threads of the framework. By default the framework's own.")
    seed: int = option(0, "Seed of the random inputs and weights.")
    python: str | None = option(None, "Python interpreter of another environment to measure in.")
    overlay: str | None = option(None, "Folder put first on the path of the measuring process: other versions.")

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Check every value again, for an object whose attributes were set after it was made.

        Raises
        ------
        ArgumentError
            If a value cannot be used.
        """
        self.models = checks.names("models", self.models)
        self.batch_sizes = checks.positive_integers("batch_sizes", self.batch_sizes)
        self.sequence_lengths = checks.positive_integers("sequence_lengths", self.sequence_lengths)
        for name in self._names_of(bool):
            checks.boolean(name, getattr(self, name))
        checks.integer("repeat", self.repeat, minimum=1)
        checks.integer("seed", self.seed, minimum=0)
        if self.threads is not None:
            checks.integer("threads", self.threads, minimum=1, maximum=_MOST_THREADS)
        checks.number("precision", self.precision, above=0.0, below=1.0)
        checks.number("max_seconds", self.max_seconds, above=0.0)
        checks.number("timeout_s", self.timeout_s, above=0.0, below=checks.LONGEST_TIMEOUT_S)
        checks.one_of("dtype", self.dtype, DTYPES)
        if self.fp16 and self.dtype == "bfloat16":
            raise ArgumentError("fp16=True and dtype='bfloat16' contradict each other: give only dtype.")
        self._check_device()
        self._check_choice()
        self._check_paths()

    def _check_device(self) -> None:
        if not isinstance(self.device, str) or not _DEVICE.fullmatch(self.device):
            raise wrong_value("device", self.device, "'auto', 'cpu', 'cuda', 'cuda:1', 'mps' or 'xpu'")
        if not self.cuda and self.device not in ("auto", "cpu"):
            raise ArgumentError(f"cuda=False and device={self.device!r} contradict each other: give only device.")

    def _check_choice(self) -> None:
        if not (self.speed or self.memory):
            raise ArgumentError("speed=False, memory=False leave nothing to measure: one of the two must be True.")
        if not (self.inference or self.training):
            raise ArgumentError(
                "inference=False, training=False leave nothing to measure: one of the two must be True."
            )

    def _check_paths(self) -> None:
        for name in self.csv_file_fields():
            checks.new_file(name, getattr(self, name), needed=self.save_to_csv)
        checks.new_file("log_filename", self.log_filename, needed=self.log_print)
        if self.python is not None:
            checks.program("python", self.python)
        if self.overlay is not None:
            checks.folder("overlay", self.overlay)

    @classmethod
    def _names_of(cls, kind: type) -> list[str]:
        return [f.name for f in dataclasses.fields(cls) if f.type in (kind, kind.__name__)]

    @classmethod
    def csv_file_fields(cls) -> list[str]:
        """Name the fields that hold the path of a CSV file."""
        return [f.name for f in dataclasses.fields(cls) if f.name.endswith("_csv_file")]

    def to_dict(self) -> dict[str, Any]:
        """Give the arguments as plain JSON data."""
        return dataclasses.asdict(self)

    def to_json_string(self) -> str:
        """Give the arguments as JSON text, indented by two."""
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
        """The tasks asked for: ``inference``, ``training`` or both."""
        return [task for task in ("inference", "training") if getattr(self, task)]

    @property
    def is_tpu(self) -> bool:
        """Whether a TPU is to be used."""
        return False

    @property
    def n_gpu(self) -> int:
        """Number of GPUs that the framework sees in this process and may use; loads the framework."""
        raise NotImplementedError

    @property
    def is_gpu(self) -> bool:
        """Whether the framework sees a GPU in this process and may use it; loads the framework."""
        return self.n_gpu > 0

    @property
    def do_multi_processing(self) -> bool:
        """Whether each cell is measured in a process of its own."""
        return self.multi_process and not self.is_tpu

    def settings(self) -> Settings:
        """Give the part of the arguments that a measuring process needs."""
        names = {f.name for f in dataclasses.fields(Settings)}
        shared = {name: value for name, value in self.to_dict().items() if name in names}
        shared["dtype"] = "float16" if self.fp16 else self.dtype
        return Settings(**shared, use_accelerator=self.cuda, use_tpu=self.is_tpu)


@accept_negative_names
@dataclass(kw_only=True, repr=False)
class PyTorchBenchmarkArguments(BenchmarkArguments):
    """Measure models in PyTorch.

    The arguments of Transformers 4.48's class of this name, and more; each field's help says what it is for, and
    ``hfbench pytorch --help`` lists them.

    Raises
    ------
    ArgumentError
        If a value cannot be used; the message names the parameter, the value and what is allowed.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmarkArguments
    >>> PyTorchBenchmarkArguments(models=["gpt2"], batch_sizes=[1, 8]).batch_sizes
    [1, 8]
    """

    torchscript: bool = option(False, "Trace the model with TorchScript before it is measured (inference only).")
    torch_xla_tpu_print_metrics: bool = option(False, "On a TPU, log the metrics of torch_xla.")
    fp16_opt_level: str = option("O1", "Apex level of the original; like there, it changes nothing.", FP16_OPT_LEVELS)

    def check(self) -> None:  # noqa: D102 - inherited
        super().check()
        checks.one_of("fp16_opt_level", self.fp16_opt_level, FP16_OPT_LEVELS)

    @property
    def is_tpu(self) -> bool:
        """Whether a TPU is to be used: torch_xla is installed and `tpu` is True."""
        return self.tpu and importlib.util.find_spec("torch_xla") is not None

    @property
    def n_gpu(self) -> int:
        """Number of GPUs that PyTorch sees in this process and may use; loads PyTorch."""
        if not self.cuda or self.device == "cpu":
            return 0
        import torch

        return int(torch.accelerator.device_count())


@accept_negative_names
@dataclass(kw_only=True, repr=False)
class TensorFlowBenchmarkArguments(BenchmarkArguments):
    """Measure models in TensorFlow.

    The arguments of Transformers 4.48's class of this name, and more; each field's help says what it is for, and
    ``hfbench tensorflow --help`` lists them.

    Raises
    ------
    ArgumentError
        If a value cannot be used; the message names the parameter, the value and what is allowed.

    Examples
    --------
    >>> from hfbench_nb import TensorFlowBenchmarkArguments
    >>> TensorFlowBenchmarkArguments(models=["gpt2"], use_xla=True).eager_mode
    False
    """

    tpu_name: str | None = option(None, "Name of the TPU.")
    device_idx: int = option(0, "Index of the GPU, where device does not say it.")
    eager_mode: bool = option(False, "Run eagerly, not as a graph.")
    use_xla: bool = option(False, "Compile the graph with XLA; not together with eager_mode.")

    def check(self) -> None:  # noqa: D102 - inherited
        super().check()
        checks.integer("device_idx", self.device_idx, minimum=0)
        if self.tpu_name is not None and not isinstance(self.tpu_name, str):
            raise wrong_value("tpu_name", self.tpu_name, "a name or None")
        if self.device.startswith(("mps", "xpu")):
            raise wrong_value("device", self.device, "'auto', 'cpu', 'cuda' or 'cuda:1' for TensorFlow")
        if self.trust_remote_code:
            raise wrong_value("trust_remote_code", True, "False for TensorFlow: models bring code for PyTorch alone")
        if self.eager_mode and self.use_xla:
            raise ArgumentError("eager_mode=True and use_xla=True contradict each other: XLA compiles graphs.")
        if self.trace_memory_line_by_line and not self.eager_mode:
            raise ArgumentError(
                "trace_memory_line_by_line=True needs eager_mode=True: the lines of a graph run only while it is made."
            )

    @property
    def is_tpu(self) -> bool:
        """Whether a TPU is to be used: one is named, here or by the variable ``TPU_NAME``, and `tpu` is True."""
        return self.tpu and bool(self.tpu_name or os.environ.get("TPU_NAME"))

    @property
    def n_gpu(self) -> int:
        """Number of GPUs that TensorFlow sees in this process and may use; loads TensorFlow."""
        if not self.cuda or self.device == "cpu":
            return 0
        import tensorflow as tf

        return len(tf.config.list_physical_devices("GPU"))
