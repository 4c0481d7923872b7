"""PyTorch: what it imports and the environment it describes."""

from __future__ import annotations

import platform
import sys
from typing import Any

import torch
import transformers

from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.request import Method
from hfbench_nb.worker.backends.library_log import quiet
from hfbench_nb.worker.backends.model_classes import import_code
from hfbench_nb.worker.backends.pytorch_devices import device_name
from hfbench_nb.worker.backends.pytorch_majors import silence_deprecations
from hfbench_nb.worker.backends.pytorch_runtime import PyTorchRuntime

silence_deprecations()


def load() -> PyTorchBackend:
    """Return the backend; importing this module has imported the framework."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return PyTorchBackend()


class PyTorchBackend:
    """PyTorch with Transformers, imported."""

    def prepare_forks(self) -> None:
        """Let the library be as quiet as its workers need it."""
        quiet()

    def import_model_code(self, family: str) -> None:
        """Import the code of a model type, if there is one of that name."""
        import_code(family, "PyTorch")

    def device_count(self) -> int:
        """Return the number of accelerators that PyTorch sees in this process."""
        return int(torch.accelerator.device_count())

    def open(self, settings: Settings, method: Method) -> PyTorchRuntime:
        """Choose the device, set the number of threads, and import the libraries that the settings need.

        Raises
        ------
        DeviceNotFoundError
            If the device does not exist.
        NotImplementedError
            If the settings cannot be used on it, or without a library that is not installed.
        """
        runtime = PyTorchRuntime(settings, method)
        try:
            runtime.load_libraries()
        except BaseException:
            runtime.close()
            raise
        return runtime

    def environment(self, settings: Settings, method: Method) -> dict[str, Any]:
        """Describe framework and device, under the keys of the original where it has one."""
        runtime = PyTorchRuntime(settings, method)
        facts: dict[str, Any] = {
            "transformers_version": transformers.__version__,
            "framework": "PyTorch",
            "use_torchscript": bool(settings.get("torchscript")),
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
        facts.update(runtime.resolved)
        return facts
