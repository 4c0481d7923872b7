"""PyTorch: devices, clocks, memory and environment."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from typing import Any

import torch
import transformers
import transformers.modeling_utils
import transformers.models.auto.modeling_auto

from hfbench_nb.protocol.records import Cell, ModelSpec, Settings
from hfbench_nb.worker.backends import pytorch_models
from hfbench_nb.worker.backends.gpu import AcceleratorMeter, EventStopwatch, NvmlDevice, open_nvml, used_bytes_by_uuid
from hfbench_nb.worker.backends.labels import describe_call
from hfbench_nb.worker.backends.model_classes import import_code
from hfbench_nb.worker.backends.pytorch_devices import XlaModule, device_module, device_name, find_device
from hfbench_nb.worker.backends.pytorch_lengths import check_positions
from hfbench_nb.worker.backends.pytorch_majors import silence_deprecations
from hfbench_nb.worker.clock import Stopwatch, wall_clock
from hfbench_nb.worker.memory import Meter, host_meter

silence_deprecations()


def load() -> PyTorchBackend:
    """Give the backend; importing this module has imported the framework."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return PyTorchBackend()


class PyTorchBackend:
    """PyTorch with Transformers, imported."""

    def import_model_code(self, family: str) -> None:
        """Import the code of a model type, if there is one of that name."""
        import_code(family, "PyTorch")

    def open(self, settings: Settings) -> PyTorchRuntime:
        """Choose the device and set the number of threads.

        Raises
        ------
        DeviceNotFoundError
            If the device is not there.
        """
        return PyTorchRuntime(settings)

    def environment(self, settings: Settings) -> dict[str, Any]:
        """Describe framework and device, under the keys of the original where it has one."""
        runtime = self.open(settings)
        facts: dict[str, Any] = {
            "transformers_version": transformers.__version__,
            "framework": "PyTorch",
            "use_torchscript": settings.torchscript,
            "framework_version": torch.__version__,
            "python_version": platform.python_version(),
            "use_gpu": runtime.device.type != "cpu",
        }
        if facts["use_gpu"]:
            nvml = runtime.nvml
            facts["num_gpus"] = 1
            facts["gpu"] = device_name(runtime.device)
            facts.update(nvml.facts() if nvml else {})
        facts["python_executable"] = sys.executable
        facts["device"] = str(runtime.device)
        facts["threads"] = torch.get_num_threads()
        return facts


class PyTorchRuntime:
    """PyTorch set up on one device."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.compiles = False
        self._dtype: torch.dtype = getattr(torch, settings.dtype)
        self._threads_before = torch.get_num_threads()
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        self.device = XlaModule.device() if settings.use_tpu else find_device(settings)
        self.details: dict[str, Any] = {
            "transformers_version": transformers.__version__,
            "framework_version": torch.__version__,
            "device": str(self.device), "dtype": settings.dtype, "threads": torch.get_num_threads()
        }  # fmt: skip
        self.nvml: NvmlDevice | None = None
        self.meter: Meter
        self.stopwatch: Stopwatch
        self._xla = XlaModule() if settings.use_tpu else None
        if self._xla is not None:
            self.meter = host_meter()
            self.stopwatch = EventStopwatch(self._xla)
        elif self.device.type == "cpu":
            _touch_common_code(self.device, self._dtype)
            self.meter = host_meter()
            self.stopwatch = wall_clock
        else:
            used_before = used_bytes_by_uuid()  # before this process comes to the device, which makes its context
            module = device_module(self.device)
            module.set_device(self.device)
            _touch_common_code(self.device, self._dtype)
            if self.device.type == "cuda":
                self.nvml = open_nvml(used_before, uuid=str(module.get_device_properties(self.device).uuid))
            self.meter = AcceleratorMeter(module, self.nvml)
            self.stopwatch = EventStopwatch(module)

    def build(self, spec: ModelSpec, task: str, before_weights: Callable[[], None]) -> torch.nn.Module:
        """Build the model from its configuration, with random weights, on the device.

        `before_weights` is not called: beside the weights, PyTorch notes next to nothing.
        """
        config, model_class = pytorch_models.find_class(
            spec,
            task,
            only_pretrain_model=self._settings.only_pretrain_model,
            trust_remote_code=self._settings.trust_remote_code,
        )
        if self._settings.torchscript:
            if task == "training":
                raise NotImplementedError("Training for torchscript is currently not implemented")
            pytorch_models.prepare_for_tracing(config)
        model = pytorch_models.build(model_class, config, self._dtype, self.device, self._settings.seed)
        self.details["model_class"] = model_class.__name__
        self.details["parameters"] = sum(parameter.numel() for parameter in model.parameters())
        stored = model.state_dict()
        for name, buffer in model.named_buffers():
            kind = "buffer_bytes" if name in stored else "non_persistent_buffer_bytes"
            self.details[kind] = self.details.get(kind, 0) + buffer.nbytes
        return model.train() if task == "training" else model.eval()

    def make_call(self, model: torch.nn.Module, cell: Cell) -> Callable[[], object]:
        """Make the inputs, and give the function that is measured: one pass of the cell's task."""
        arrays = describe_call(model, cell, self._settings.seed, self.details)
        if {"input_ids", "decoder_input_ids"} & set(arrays):
            check_positions(model, cell.sizes[1], only_decoder="input_ids" not in arrays)
        tensors = pytorch_models.to_tensors(arrays, model, self.device)
        if cell.task == "training":
            return self._stepping(lambda: pytorch_models.train(model, tensors))
        if self._settings.torchscript:
            return pytorch_models.trace(model, tensors)
        return self._stepping(lambda: pytorch_models.infer(model, tensors))

    def _stepping(self, call: Callable[[], object]) -> Callable[[], object]:
        """On a TPU, let each call run: torch_xla only notes operations until it is told that a step ends."""
        if self._xla is None:
            return call
        mark_step = self._xla.mark_step

        def step() -> object:
            outputs = call()
            mark_step()
            return outputs

        return step

    def forget_passes(self, model: torch.nn.Module) -> None:
        """Let go of the gradients."""
        model.zero_grad(set_to_none=True)

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Tell whether an error means that the memory did not suffice."""
        return isinstance(error, torch.OutOfMemoryError) or (
            isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
        )

    def close(self) -> None:
        """Set the number of threads back, and print torch_xla's metrics if they are asked for."""
        if self._xla is not None and self._settings.torch_xla_tpu_print_metrics:
            print(self._xla.metrics_report())
        torch.set_num_threads(self._threads_before)


def _touch_common_code(device: torch.device, dtype: torch.dtype) -> None:
    """Run what building a model runs, so that the framework's code and context are baseline and not weights."""
    # Larger than a block of random numbers: all of the filling is run.
    some = torch.nn.Parameter(torch.empty(257, 256, device=device, dtype=dtype))
    pytorch_models.fill(torch.nn.ParameterList([some, torch.nn.Parameter(some.detach()[0])]), seed=0)
    some.detach().fill_(1.0)
    # Frequencies of positions.
    frequencies = 10_000.0 ** -torch.arange(8.0)
    torch.cat([frequencies.exp().sin(), frequencies.exp().cos()])
