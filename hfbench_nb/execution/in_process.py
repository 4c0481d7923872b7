"""Measuring in the caller's own process, for debugging (``multi_process=False``)."""

from __future__ import annotations

import dataclasses
from typing import Any

from hfbench_nb.arguments.frameworks import Framework
from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.servers import OnProgress
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import Method, Request
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.worker import measuring
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.backends.base import Backend, DeviceNotFoundError
from hfbench_nb.worker.heap import release_free_memory


class CallingProcess:
    """Measures in this process: its memory is part of the measurements, and time limits cannot be enforced.

    Attributes
    ----------
    has_one_process
        Always True: further rounds would not be in further processes, so each case has one.
    """

    has_one_process = True

    def environment(
        self, framework: Framework, settings: Settings, method: Method, cancellation: Cancellation
    ) -> dict[str, Any]:
        """Describe the framework and the device where cases are measured.

        Raises
        ------
        IsolationError
            If the framework is not installed, or the device does not exist.
        """
        if settings.get("huge_pages"):
            raise IsolationError("huge_pages=True cannot be used in the calling process: it was started without them")
        try:
            return self._backend(framework).environment(settings, method)
        except DeviceNotFoundError as error:
            raise IsolationError(f"DeviceNotFoundError: {error}") from error

    def measure(
        self, framework: Framework, request: Request, on_progress: OnProgress, cancellation: Cancellation
    ) -> Measurement:
        """Measure one case in this process; its timeout cannot be enforced, and cancelling waits for its next step."""
        backend = self._backend(dataclasses.replace(framework, backend=request.backend or framework.backend))

        def report(phase: str, facts: dict[str, Any]) -> None:
            cancellation.check()
            on_progress({"event": "progress", "phase": phase, **facts})

        release_free_memory()  # released later, while the model is built, it would make the weights look smaller
        workload = resolve(TASKS[request.case.task].workload)(request.case, request.subject)
        measurement = measuring.measure(
            lambda: backend.open(request.case.settings, request.method),
            workload,
            request.method,
            report,
            let_through=(KeyboardInterrupt, Cancelled),
        )
        if measurement.memory is None:
            return measurement
        method = f"{measurement.memory.method} of the calling process"
        return dataclasses.replace(measurement, memory=dataclasses.replace(measurement.memory, method=method))

    @staticmethod
    def _backend(framework: Framework) -> Backend:
        try:
            return load_backend(framework.backend)
        except ImportError as error:
            raise IsolationError(f"{framework.name} cannot be used: {error}") from error
