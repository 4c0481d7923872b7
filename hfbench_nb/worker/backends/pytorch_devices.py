"""PyTorch: finding devices, and their modules with the same names as in ``torch.cuda``."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from hfbench_nb.protocol.request import Method
from hfbench_nb.worker.accelerator import AcceleratorMeter, EventStopwatch
from hfbench_nb.worker.backends import pytorch_models
from hfbench_nb.worker.backends.base import DeviceNotFoundError
from hfbench_nb.worker.clock import Stopwatch, wall_clock
from hfbench_nb.worker.memory import Meter, host_meter
from hfbench_nb.worker.nvml import NvmlDevice, open_nvml, used_bytes_by_uuid

_ACCELERATORS = ("cuda", "mps", "xpu")


def find_device(name: str, method: Method) -> torch.device:
    """Find the device that the settings name.

    Raises
    ------
    DeviceNotFoundError
        If it does not exist.
    """
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return torch.device(accelerator.type, 0) if accelerator and method.use_accelerator else torch.device("cpu")
    device = torch.device(name)
    if device.type == "cpu":
        return device
    index, count = device.index or 0, _count(device.type)
    if index >= count:
        others = [f"{kind}:{i}" if i else kind for kind in _ACCELERATORS for i in range(_count(kind))]
        found = f"PyTorch {torch.__version__} finds {count or 'no'} {device.type} device{'' if count == 1 else 's'}"
        raise DeviceNotFoundError.of(name, found, others)
    return torch.device(device.type, index)


def _count(kind: str) -> int:
    """Return the number of accelerators of a kind that PyTorch finds."""
    module = getattr(torch, kind, None)
    return 0 if module is None else int(module.device_count())


def device_module(device: torch.device) -> Any:
    """Return the module that synchronises an accelerator and reads its memory."""
    return MpsModule() if device.type == "mps" else torch.get_device_module(device)


def device_name(device: torch.device) -> str:
    """Return the model name of a device, or its kind if the name is not available."""
    module = torch.get_device_module(device)
    return str(module.get_device_name(device)) if hasattr(module, "get_device_name") else device.type


class MpsModule:
    """``torch.mps``, with the names of PyTorch's other device modules.

    Its allocator reports no peaks.  It keeps all memory it has taken, so what it holds after a block is the block's
    peak.
    """

    def __init__(self) -> None:
        self.Event = torch.mps.Event
        self.synchronize = torch.mps.synchronize
        self.empty_cache = torch.mps.empty_cache
        self.memory_allocated = torch.mps.current_allocated_memory
        self.memory_reserved = torch.mps.driver_allocated_memory

    def set_device(self, device: torch.device) -> None:
        """Do nothing: there is only one device."""


class XlaModule:
    """torch_xla, with the names of PyTorch's other device modules."""

    def __init__(self) -> None:
        import torch_xla.core.xla_model
        import torch_xla.debug.metrics

        self._model = torch_xla.core.xla_model
        self.mark_step = self._model.mark_step
        self.metrics_report = torch_xla.debug.metrics.metrics_report

    @staticmethod
    def device() -> torch.device:
        """Return the TPU."""
        import torch_xla.core.xla_model

        device: torch.device = torch_xla.core.xla_model.xla_device()
        return device

    def synchronize(self) -> None:
        """Wait until the TPU has finished its work."""
        self._model.mark_step()
        self._model.wait_device_ops()


def open_meters(
    device: torch.device, dtype: torch.dtype, xla: XlaModule | None
) -> tuple[NvmlDevice | None, Meter, Stopwatch]:
    """Return what reads the memory of this process and times calls on a device, which is in use from now on."""
    if xla is not None:
        return None, host_meter(), EventStopwatch(xla)
    if device.type == "cpu":
        touch_common_code(device, dtype)
        start_threads()
        return None, host_meter(), wall_clock
    used_before = used_bytes_by_uuid()  # before this process uses the device, which creates its context
    module = device_module(device)
    module.set_device(device)
    touch_common_code(device, dtype)
    nvml = None
    if device.type == "cuda":
        nvml = open_nvml(used_before, uuid=str(module.get_device_properties(device).uuid))
    return nvml, AcceleratorMeter(module, nvml), EventStopwatch(module)


# Sides of a matrix that several threads fill.
_SIDES = (257, 256)


def start_threads() -> None:
    """Let threads of this process work once: starting them takes no memory of the first call, and none of its time."""
    torch.empty(_SIDES).fill_(1.0)


@cache
def touch_common_code(device: torch.device, dtype: torch.dtype) -> None:
    """Run what building a model runs, so that the framework's code and context are baseline and not weights.

    Once per process: one that was forked from where a model was built finds all of it touched, threads aside.
    """
    # Larger than a block of random numbers, so that all of the filling code runs.
    some = torch.nn.Parameter(torch.empty(_SIDES, device=device, dtype=dtype))
    pytorch_models.fill(torch.nn.ParameterList([some, torch.nn.Parameter(some.detach()[0])]), seed=0)
    some.detach().fill_(1.0)
    # Frequencies of positions.
    frequencies = 10_000.0 ** -torch.arange(8.0)
    torch.cat([frequencies.exp().sin(), frequencies.exp().cos()])
