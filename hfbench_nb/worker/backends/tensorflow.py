"""TensorFlow: devices, modes, clocks, memory and environment."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf
import tf_keras
import transformers
from tensorflow.python.client import device_lib

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.facts import ModelFacts
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.worker.accelerator import AcceleratorMeter, EventStopwatch
from hfbench_nb.worker.backends import model_errors, tensorflow_models
from hfbench_nb.worker.backends.base import Attempt, Built, CallInputs, DeviceNotFoundError
from hfbench_nb.worker.backends.labels import describe_call
from hfbench_nb.worker.backends.library_log import hear_of_slow_code, quiet
from hfbench_nb.worker.backends.model_classes import dense_note, find_class, import_code
from hfbench_nb.worker.backends.tensorflow_sources import leave_no_sources
from hfbench_nb.worker.clock import Stopwatch, wall_clock
from hfbench_nb.worker.memory import Meter, host_meter
from hfbench_nb.worker.nvml import NvmlDevice, open_nvml, used_bytes_by_uuid

_POLICIES = {"float32": "float32", "float16": "mixed_float16", "bfloat16": "mixed_bfloat16"}


def load() -> TensorFlowBackend:
    """Return the backend; importing this module has imported the framework."""
    importlib.import_module("transformers.modeling_tf_utils")  # every model needs it: imported before the first fork
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return TensorFlowBackend()


class TensorFlowBackend:
    """TensorFlow with Transformers, imported."""

    def prepare_forks(self) -> None:
        """Let the library be as quiet as its workers need it."""
        quiet()

    def import_model_code(self, family: str) -> None:
        """Import the code of a model type, if there is one of that name for TensorFlow."""
        import_code(family, "TensorFlow")

    def device_count(self) -> int:
        """Return the number of GPUs that TensorFlow sees in this process."""
        return len(tf.config.list_physical_devices("GPU"))

    def open(self, settings: Settings, method: Method) -> TensorFlowRuntime:
        """Choose the device, the number of threads and the precision.

        Raises
        ------
        DeviceNotFoundError
            If the device does not exist.
        """
        return TensorFlowRuntime(settings, method)

    def environment(self, settings: Settings, method: Method) -> dict[str, Any]:
        """Describe framework and device, under the keys of the original where it has one."""
        runtime = self.open(settings, method)
        facts: dict[str, Any] = {
            "transformers_version": transformers.__version__,
            "framework": "TensorFlow",
            "eager_mode": bool(settings.get("eager_mode")),
            "use_xla": bool(settings.get("use_xla")),
            "framework_version": tf.__version__,
            "python_version": platform.python_version(),
            "use_gpu": runtime.gpu is not None,
        }
        if runtime.gpu is not None:
            facts["num_gpus"] = 1
            facts["gpu"] = tf.config.experimental.get_device_details(runtime.gpu).get("device_name", "N/A")
            facts.update(runtime.nvml.facts() if runtime.nvml else {})
        facts["python_executable"] = sys.executable
        facts.update(runtime.resolved)
        return facts


class TensorFlowRuntime:
    """TensorFlow set up on one device."""

    def __init__(self, settings: Settings, method: Method) -> None:
        leave_no_sources()
        self._method = method
        self._eager, self._xla = bool(settings.get("eager_mode")), bool(settings.get("use_xla"))
        self._policy_before = tf_keras.mixed_precision.global_policy()
        self._strategy = _tpu_strategy(method.tpu_name) if method.use_tpu else None
        self.gpu: Any
        self.gpu, device = (None, "tpu") if self._strategy else _choose_device(settings, method)
        self._loss: Any = None
        self._training: tensorflow_models.TrainingPass | None = None
        self.compiles = not self._eager
        dtype = str(settings.get("dtype", "float32"))
        self.resolved = Settings(device=device, threads=_set_threads(settings.get("threads")))
        self.framework_version = tf.__version__
        self.details: dict[str, Any] = {
            "transformers_version": transformers.__version__,
            "dtype": dtype,
            **self.resolved,
            "mode": "eager" if self._eager else "xla" if self._xla else "graph",
        }
        self.nvml: NvmlDevice | None = None
        self.meter: Meter
        self.stopwatch: Stopwatch
        tf_keras.mixed_precision.set_global_policy(_POLICIES[dtype])
        if self.gpu is None:
            _touch_common_code()
            self.meter = host_meter()
            self.stopwatch = wall_clock
        else:
            used_before = used_bytes_by_uuid()  # before this process uses the device, which creates its context
            tf.config.experimental.set_memory_growth(self.gpu, True)
            _touch_common_code()
            self.nvml = open_nvml(used_before, pci_bus_id=_pci_bus_id())
            module = _DeviceModule()
            self.meter = AcceleratorMeter(module, self.nvml)
            self.stopwatch = EventStopwatch(module)

    def build(self, spec: ModelSpec, kind: str, *, training: bool) -> Built:
        """Build a model from its configuration, with random weights, on the device.

        On a CPU under Linux the baseline is read when everything exists that TensorFlow stores in addition to the
        weights (for each variable and in its allocator), but not the weights: that is memory of the framework.
        """
        can_separate = self.gpu is None and self._strategy is None and sys.platform == "linux"
        config, model_class = find_class(spec, kind, "TensorFlow", only_pretrain_model=self._method.only_pretrain_model)
        baseline_bytes: int | None = None

        def read_baseline() -> None:
            nonlocal baseline_bytes
            self.meter.release()
            baseline_bytes = self.meter.current_bytes()

        with self._strategy.scope() if self._strategy else contextlib.nullcontext():
            model = tensorflow_models.build(
                model_class, config, self._method.seed, read_baseline if can_separate else None
            )
        parameters = sum(int(weight.shape.num_elements() or 0) for weight in model.weights)
        facts = ModelFacts(model_class.__name__, parameters)
        return Built(model, facts, baseline_bytes, note=dense_note(config))

    def make_inputs(self, model: Any, case: Case, *, labels: bool) -> CallInputs:
        """Make random inputs of the case's sizes that fit the model and, if asked for, labels that fit its head."""
        inputs = describe_call(model, case, self._method.seed, labels=labels)
        return dataclasses.replace(inputs, tensors=tensorflow_models.to_tensors(inputs.tensors))

    def inference_call(self, model: Any, inputs: CallInputs) -> Callable[[], object]:
        """Return a function that runs one forward pass without gradients."""
        run = self._compile(tensorflow_models.inference_pass(model))
        return lambda: run(inputs.tensors)

    def training_call(self, model: Any, inputs: CallInputs) -> Callable[[], object]:
        """Return a function that runs one forward and one backward pass; gradients are dropped when it returns."""
        self._training = tensorflow_models.TrainingPass(model)
        run = self._compile(self._training.run)
        return lambda: self._keep_loss(run(inputs.tensors))

    def _compile(self, run: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """Return the pass in the requested mode; the inputs stay arguments, or the graph would make them constants."""
        if self._strategy is not None:
            strategy, on_one = self._strategy, run
            run = lambda inputs: strategy.run(on_one, args=(inputs,))  # noqa: E731
        if self._eager:
            return run
        return tensorflow_models.as_graph(run, jit_compile=self._xla)

    def _keep_loss(self, result: tuple[Any, list[Any]]) -> object:
        self._loss = result[0]
        return result

    def reference(self) -> Callable[[], object]:
        """Return a matrix product and a copy of memory, with the threads of the case."""
        return tensorflow_models.make_reference(on_gpu=self.gpu is not None)

    def forget_passes(self, model: Any) -> None:
        """Do nothing: gradients are dropped when a pass ends."""

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Return whether an error means that there was not enough memory."""
        return isinstance(error, tf.errors.ResourceExhaustedError)

    def explain(self, error: Exception, attempt: Attempt) -> Exception:
        """Return what is reported instead of an error that was raised while a model was built or called."""
        return model_errors.explain(error, attempt)

    def hear(self) -> AbstractContextManager[list[str]]:
        """Collect what Transformers says of slow code that it runs."""
        return hear_of_slow_code()

    def close(self) -> None:
        """Record what training has shown, and restore the precision."""
        if self._training is not None:
            self.details |= self._training.details
        if self._loss is not None:
            self.details["loss_value"] = float(self._loss)
        tf_keras.mixed_precision.set_global_policy(self._policy_before)


class _DeviceModule:
    """The first visible GPU, under the names that PyTorch's device modules have."""

    def __init__(self) -> None:
        self._one = tf.constant(1.0)

    def synchronize(self) -> None:
        """Wait for the device: copying a result to the host completes all earlier work."""
        (self._one + 1.0).numpy()

    def memory_allocated(self) -> int:
        """Return what tensors hold now, bytes: TensorFlow reports nothing else about its allocator."""
        return int(tf.config.experimental.get_memory_info("GPU:0")["current"])

    def max_memory_allocated(self) -> int:
        """Return the most that tensors have held since the last reset, bytes."""
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])

    def reset_peak_memory_stats(self) -> None:
        """Reset the peak."""
        tf.config.experimental.reset_memory_stats("GPU:0")


def _tpu_strategy(tpu_name: str | None) -> Any:
    """Connect to a TPU and return the strategy that runs on it."""
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu_name or "")
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)


def _choose_device(settings: Settings, method: Method) -> tuple[Any, str]:
    """Let TensorFlow see one GPU, or none; return it, and the name of the device."""
    wanted = str(settings.get("device", "auto"))
    gpus = tf.config.list_physical_devices("GPU")
    kind, _, number = wanted.partition(":")
    if kind == "cpu" or (kind == "auto" and not (gpus and method.use_accelerator)):
        tf.config.set_visible_devices([], "GPU")
        return None, "cpu"
    index = int(number) if number else method.device_idx
    if kind not in ("auto", "cuda") or index >= len(gpus):
        found = f"TensorFlow {tf.__version__} finds {len(gpus) or 'no'} GPU{'' if len(gpus) == 1 else 's'}"
        found += f", and device_idx={method.device_idx} asks for another" if gpus and not number else ""
        raise DeviceNotFoundError.of(wanted, found, [f"cuda:{i}" if i else "cuda" for i in range(len(gpus))])
    tf.config.set_visible_devices([gpus[index]], "GPU")
    return gpus[index], f"cuda:{index}"


def _set_threads(threads: Any) -> int:
    """Set the number of threads for one operation and for operations side by side; return the number."""
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    # Zero means as many as there are cores for this process.
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(tf.config.threading.get_intra_op_parallelism_threads() or usable or 1)


def _pci_bus_id() -> str | None:
    """Return the bus address of the visible GPU, the only identifier that TensorFlow reports; None without a GPU."""
    for device in device_lib.list_local_devices():
        _, found, address = device.physical_device_desc.partition("pci bus id: ")
        if found:
            return str(address.split(",")[0])
    return None


def _touch_common_code() -> None:
    """Run what building a model runs, so that the framework's code and context are baseline and not weights."""
    variable = tf.Variable(tf.zeros((4, 16)))
    variable.assign(variable + 1.0)
