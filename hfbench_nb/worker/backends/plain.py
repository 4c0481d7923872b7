"""No framework: functions of plain Python, measured on the CPU."""

from __future__ import annotations

import operator
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import cloudpickle  # noqa: F401 - functions are pickled with it: imported before the first fork

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.worker.backends.base import Attempt, Built, CallInputs
from hfbench_nb.worker.clock import wall_clock
from hfbench_nb.worker.memory import host_meter

_NO_MODELS = "models need a framework"
# How the frameworks that a function may import by itself report that memory ran out: classes, and messages of
# others.
_OUT_OF_MEMORY_ERRORS = ("OutOfMemoryError", "ResourceExhaustedError")
_OUT_OF_MEMORY_MESSAGES = ("can't allocate memory", "out of memory")


def load() -> PlainBackend:
    """Return the backend."""
    return PlainBackend()


class PlainBackend:
    """The interpreter alone."""

    def import_model_code(self, family: str) -> None:
        """Refuse: there is no framework."""
        raise NotImplementedError(_NO_MODELS)

    def device_count(self) -> int:
        """Return 0: there is no accelerator without a framework."""
        return 0

    def open(self, settings: Settings, method: Method) -> PlainRuntime:
        """Return the means to measure in this process."""
        return PlainRuntime()

    def environment(self, settings: Settings, method: Method) -> dict[str, Any]:
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
        self.resolved = Settings(device="cpu")
        self.framework_version = platform.python_version()
        self.details: dict[str, Any] = {}

    def build(self, spec: ModelSpec, kind: str, *, training: bool) -> Built:
        """Refuse: there is no framework."""
        raise NotImplementedError(_NO_MODELS)

    def make_inputs(self, model: Any, case: Case, *, labels: bool) -> CallInputs:
        """Refuse: there is no framework."""
        raise NotImplementedError(_NO_MODELS)

    def inference_call(self, model: Any, inputs: CallInputs) -> Callable[[], object]:
        """Refuse: there is no framework."""
        raise NotImplementedError(_NO_MODELS)

    def training_call(self, model: Any, inputs: CallInputs) -> Callable[[], object]:
        """Refuse: there is no framework."""
        raise NotImplementedError(_NO_MODELS)

    def reference(self) -> Callable[[], object]:
        """Return a matrix product in plain Python, and a copy of memory."""
        size = range(28)
        rows = [[float(i + j) for j in size] for i in size]
        source = bytes(8 << 20)

        def work() -> None:
            [[sum(map(operator.mul, row, column)) for column in zip(*rows, strict=True)] for row in rows]
            bytearray(source)

        return work

    def forget_passes(self, model: Any) -> None:
        """Do nothing: functions are not traced."""

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Return whether an error is the out-of-memory error of a framework that the function itself has imported."""
        return type(error).__name__ in _OUT_OF_MEMORY_ERRORS or (
            isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY_MESSAGES)
        )

    def explain(self, error: Exception, attempt: Attempt) -> Exception:
        """Return the error: there are no models."""
        return error

    def hear(self) -> AbstractContextManager[list[str]]:
        """Collect nothing."""
        return nullcontext([])

    def close(self) -> None:
        """Do nothing: nothing was changed."""
