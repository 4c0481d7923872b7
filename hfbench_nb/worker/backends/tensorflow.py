"""TensorFlow: devices, modes, clocks, memory and environment."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras
import transformers
from tensorflow.python.client import device_lib
from transformers import modeling_tf_utils  # noqa: F401 - every model needs it: imported before the first fork

from hfbench_nb.protocol.records import Cell, ModelSpec, Settings
from hfbench_nb.worker.backends import tensorflow_models
from hfbench_nb.worker.backends.base import DeviceNotFoundError
from hfbench_nb.worker.backends.gpu import AcceleratorMeter, EventStopwatch, NvmlDevice, open_nvml, used_bytes_by_uuid
from hfbench_nb.worker.backends.labels import describe_call
from hfbench_nb.worker.backends.model_classes import find_class, import_code
from hfbench_nb.worker.clock import Stopwatch, wall_clock
from hfbench_nb.worker.memory import Meter, host_meter

_POLICIES = {"float32": "float32", "float16": "mixed_float16", "bfloat16": "mixed_bfloat16"}


def load() -> TensorFlowBackend:
    """Give the backend; importing this module has imported the framework."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return TensorFlowBackend()


class TensorFlowBackend:
    """TensorFlow with Transformers, imported."""

    def import_model_code(self, family: str) -> None:
        """Import the code of a model type, if there is one of that name for TensorFlow."""
        import_code(family, "TensorFlow")

    def open(self, settings: Settings) -> TensorFlowRuntime:
        """Choose the device, the number of threads and the precision.

        Raises
        ------
        DeviceNotFoundError
            If the device is not there.
        """
        return TensorFlowRuntime(settings)

    def environment(self, settings: Settings) -> dict[str, Any]:
        """Describe framework and device, under the keys of the original where it has one."""
        runtime = self.open(settings)
        facts: dict[str, Any] = {
            "transformers_version": transformers.__version__,
            "framework": "TensorFlow",
            "eager_mode": settings.eager_mode,
            "use_xla": settings.use_xla,
            "framework_version": tf.__version__,
            "python_version": platform.python_version(),
            "use_gpu": runtime.gpu is not None,
        }
        if runtime.gpu is not None:
            facts["num_gpus"] = 1
            facts["gpu"] = tf.config.experimental.get_device_details(runtime.gpu).get("device_name", "N/A")
            facts.update(runtime.nvml.facts() if runtime.nvml else {})
        facts["python_executable"] = sys.executable
        facts["device"] = runtime.details["device"]
        facts["threads"] = runtime.details["threads"]
        return facts


class TensorFlowRuntime:
    """TensorFlow set up on one device."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._policy_before = tf_keras.mixed_precision.global_policy()
        self._strategy = _tpu_strategy(settings.tpu_name) if settings.use_tpu else None
        self.gpu: Any
        self.gpu, device = (None, "tpu") if self._strategy else _choose_device(settings)
        self._loss: Any = None
        self.compiles = not settings.eager_mode
        self.details: dict[str, Any] = {
            "transformers_version": transformers.__version__,
            "framework_version": tf.__version__,
            "device": device,
            "dtype": settings.dtype,
            "threads": _set_threads(settings.threads),
            "mode": "eager" if settings.eager_mode else "xla" if settings.use_xla else "graph",
        }
        self.nvml: NvmlDevice | None = None
        self.meter: Meter
        self.stopwatch: Stopwatch
        tf_keras.mixed_precision.set_global_policy(_POLICIES[settings.dtype])
        if self.gpu is None:
            _touch_common_code()
            self.meter = host_meter()
            self.stopwatch = wall_clock
        else:
            used_before = used_bytes_by_uuid()  # before this process comes to the device, which makes its context
            tf.config.experimental.set_memory_growth(self.gpu, True)
            _touch_common_code()
            self.nvml = open_nvml(used_before, pci_bus_id=_pci_bus_id())
            module = _DeviceModule()
            self.meter = AcceleratorMeter(module, self.nvml)
            self.stopwatch = EventStopwatch(module)

    def build(self, spec: ModelSpec, task: str, before_weights: Callable[[], None]) -> Any:
        """Build the model from its configuration, with random weights, on the device.

        `before_weights` is called in between on a CPU, under Linux: what TensorFlow notes beside the weights, of each
        variable and in its allocator, is memory of the framework.
        """
        can_be_told_apart = self.gpu is None and self._strategy is None and sys.platform == "linux"
        config, model_class = find_class(
            spec, task, "TensorFlow", only_pretrain_model=self._settings.only_pretrain_model
        )
        with self._strategy.scope() if self._strategy else contextlib.nullcontext():
            model = tensorflow_models.build(
                model_class, config, self._settings.seed, before_weights if can_be_told_apart else None
            )
        self.details["model_class"] = model_class.__name__
        self.details["parameters"] = sum(int(weight.shape.num_elements() or 0) for weight in model.weights)
        return model

    def make_call(self, model: Any, cell: Cell) -> Callable[[], object]:
        """Make the inputs, and give the function that is measured: one pass of the cell's task."""
        arrays = describe_call(model, cell, self._settings.seed, self.details)
        tensors = tensorflow_models.to_tensors(arrays)
        if cell.task == "training":
            run = self._compile(tensorflow_models.training_pass(model, self.details))
            return lambda: self._keep_loss(run(tensors))
        run = self._compile(tensorflow_models.inference_pass(model))
        return lambda: run(tensors)

    def _compile(self, run: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """Give the pass in the mode asked for; the inputs stay arguments, lest the graph takes them for constants."""
        if self._strategy is not None:
            strategy, on_one = self._strategy, run
            run = lambda inputs: strategy.run(on_one, args=(inputs,))  # noqa: E731
        if self._settings.eager_mode:
            return run
        compiled: Callable[[dict[str, Any]], Any] = tf.function(run, jit_compile=self._settings.use_xla)
        return compiled

    def _keep_loss(self, result: tuple[Any, list[Any]]) -> object:
        self._loss = result[0]
        return result

    def forget_passes(self, model: Any) -> None:
        """Do nothing: gradients are let go when a pass ends."""

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Tell whether an error means that the memory did not suffice."""
        return isinstance(error, tf.errors.ResourceExhaustedError)

    def close(self) -> None:
        """Note the last loss, and set the precision back."""
        if self._loss is not None:
            self.details["loss_value"] = float(self._loss)
        tf_keras.mixed_precision.set_global_policy(self._policy_before)


class _DeviceModule:
    """The first visible GPU, under the names that PyTorch's device modules have."""

    def __init__(self) -> None:
        self._one = tf.constant(1.0)

    def synchronize(self) -> None:
        """Wait for the device: a result that is copied to the host has all work before it done."""
        (self._one + 1.0).numpy()

    def memory_allocated(self) -> int:
        """Give what tensors hold now, bytes: TensorFlow tells no more of its allocator."""
        return int(tf.config.experimental.get_memory_info("GPU:0")["current"])

    def max_memory_allocated(self) -> int:
        """Give the most that tensors have held since the last reset, bytes."""
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])

    def reset_peak_memory_stats(self) -> None:
        """Forget the peak."""
        tf.config.experimental.reset_memory_stats("GPU:0")


def _tpu_strategy(tpu_name: str | None) -> Any:
    """Connect to a TPU and give the strategy that runs on it."""
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu_name or "")
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)


def _choose_device(settings: Settings) -> tuple[Any, str]:
    """Let TensorFlow see one GPU, or none; give it, and the name of the device."""
    gpus = tf.config.list_physical_devices("GPU")
    kind, _, number = settings.device.partition(":")
    if kind == "cpu" or (kind == "auto" and not (gpus and settings.use_accelerator)):
        tf.config.set_visible_devices([], "GPU")
        return None, "cpu"
    index = int(number) if number else settings.device_idx
    if kind not in ("auto", "cuda") or index >= len(gpus):
        raise DeviceNotFoundError(
            f"device={settings.device!r}, device_idx={settings.device_idx}: TensorFlow {tf.__version__} finds "
            f"{len(gpus)} GPU(s) here"
        )
    tf.config.set_visible_devices([gpus[index]], "GPU")
    return gpus[index], f"cuda:{index}"


def _set_threads(threads: int | None) -> int:
    """Set the number of threads for one operation and for operations side by side; give the number."""
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    # Zero means as many as there are cores for this process.
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(tf.config.threading.get_intra_op_parallelism_threads() or usable or 1)


def _pci_bus_id() -> str | None:
    """Find the bus address of the visible GPU: all that TensorFlow tells of which one it is."""
    for device in device_lib.list_local_devices():
        _, found, address = device.physical_device_desc.partition("pci bus id: ")
        if found:
            return str(address.split(",")[0])
    return None


def _touch_common_code() -> None:
    """Run what building a model runs, so that the framework's code and context are baseline and not weights."""
    variable = tf.Variable(tf.zeros((4, 16)))
    variable.assign(variable + 1.0)
