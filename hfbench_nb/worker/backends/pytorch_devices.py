"""PyTorch: the devices that it finds, and their modules under the names that ``torch.cuda`` has."""

from __future__ import annotations

from typing import Any

import torch

from hfbench_nb.protocol.records import Settings
from hfbench_nb.worker.backends.base import DeviceNotFoundError


def find_device(settings: Settings) -> torch.device:
    """Find the device that the settings name.

    Raises
    ------
    DeviceNotFoundError
        If it is not there.
    """
    if settings.device == "auto":
        accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return torch.device(accelerator.type, 0) if accelerator and settings.use_accelerator else torch.device("cpu")
    device = torch.device(settings.device)
    if device.type == "cpu":
        return device
    module = getattr(torch, device.type, None)
    count = module.device_count() if module is not None else 0
    index = device.index or 0
    if index >= count:
        raise DeviceNotFoundError(
            f"device={settings.device!r}: PyTorch {torch.__version__} finds {count} {device.type} device(s) here"
        )
    return torch.device(device.type, index)


def device_module(device: torch.device) -> Any:
    """Give what synchronises an accelerator and reads its memory."""
    return MpsModule() if device.type == "mps" else torch.get_device_module(device)


def device_name(device: torch.device) -> str:
    """Give the name of a device's model, or of its kind where it tells none."""
    module = torch.get_device_module(device)
    return str(module.get_device_name(device)) if hasattr(module, "get_device_name") else device.type


class MpsModule:
    """``torch.mps``, under the names that PyTorch's device modules have.

    Its allocator tells no peaks.  It keeps what it has taken, so that what it holds after a block is the block's peak.
    """

    def __init__(self) -> None:
        self.Event = torch.mps.Event
        self.synchronize = torch.mps.synchronize
        self.empty_cache = torch.mps.empty_cache
        self.memory_allocated = torch.mps.current_allocated_memory
        self.memory_reserved = torch.mps.driver_allocated_memory

    def set_device(self, device: torch.device) -> None:
        """Do nothing: there is one."""


class XlaModule:
    """torch_xla, under the names that PyTorch's device modules have."""

    def __init__(self) -> None:
        import torch_xla.core.xla_model
        import torch_xla.debug.metrics

        self._model = torch_xla.core.xla_model
        self.mark_step = self._model.mark_step
        self.metrics_report = torch_xla.debug.metrics.metrics_report

    @staticmethod
    def device() -> torch.device:
        """Give the TPU."""
        import torch_xla.core.xla_model

        device: torch.device = torch_xla.core.xla_model.xla_device()
        return device

    def synchronize(self) -> None:
        """Wait until the TPU has done what it was given."""
        self._model.mark_step()
        self._model.wait_device_ops()
