"""No framework: functions of plain Python, measured on the CPU."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from typing import Any

import cloudpickle  # noqa: F401 - functions travel by it: imported before the first fork

from hfbench_nb.protocol.records import Cell, ModelSpec, Settings
from hfbench_nb.worker.clock import wall_clock
from hfbench_nb.worker.memory import host_meter

_NO_MODELS = "models need a framework"


def load() -> PlainBackend:
    """Give the backend."""
    return PlainBackend()


class PlainBackend:
    """The interpreter alone."""

    def import_model_code(self, family: str) -> None:
        """Refuse: there is no framework."""
        raise NotImplementedError(_NO_MODELS)

    def open(self, settings: Settings) -> PlainRuntime:
        """Give the means to measure in this process."""
        return PlainRuntime()

    def environment(self, settings: Settings) -> dict[str, Any]:
        """Describe the interpreter."""
        return {
            "framework": "Python",
            "framework_version": platform.python_version(),
            "python_version": platform.python_version(),
            "use_gpu": False,
            "python_executable": sys.executable,
            "device": "cpu",
        }


class PlainRuntime:
    """Clock and memory of this process."""

    def __init__(self) -> None:
        self.meter = host_meter()
        self.stopwatch = wall_clock
        self.compiles = False
        self.details: dict[str, Any] = {"framework_version": platform.python_version(), "device": "cpu"}

    def build(self, spec: ModelSpec, task: str, before_weights: Callable[[], None]) -> Any:
        """Refuse: there is no framework."""
        raise NotImplementedError(_NO_MODELS)

    def make_call(self, model: Any, cell: Cell) -> Callable[[], object]:
        """Refuse: there is no framework."""
        raise NotImplementedError(_NO_MODELS)

    def forget_passes(self, model: Any) -> None:
        """Do nothing: functions are not traced."""

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Tell that nothing but a `MemoryError` means it."""
        return False

    def close(self) -> None:
        """Do nothing: nothing was changed."""
