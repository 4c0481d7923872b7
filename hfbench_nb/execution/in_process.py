"""Measuring in the caller's own process, for debugging (``multi_process=False``)."""

from __future__ import annotations

import dataclasses
from typing import Any

from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.servers import OnProgress
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.records import Cell, Measurement, ModelSpec, Settings
from hfbench_nb.worker import measuring as worker
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.backends.base import DeviceNotFoundError
from hfbench_nb.worker.memory import release_free_memory
from hfbench_nb.worker.workloads import ModelPass


class CallingProcess:
    """Measures in this process: its memory is part of the figures, and no time limit can be kept.

    Raises
    ------
    IsolationError
        If the framework is not installed.
    """

    def __init__(self, framework: str) -> None:
        try:
            self._backend = load_backend(framework)
        except ImportError as error:
            raise IsolationError(f"{framework} cannot be used: {error}") from error

    def environment(self, settings: Settings, cancellation: Cancellation | None = None) -> dict[str, Any]:
        """Describe the framework and the device where cells are measured.

        Raises
        ------
        IsolationError
            If the device is not there.
        """
        try:
            return self._backend.environment(settings)
        except DeviceNotFoundError as error:
            raise IsolationError(f"DeviceNotFoundError: {error}") from error

    def measure(
        self,
        cell: Cell,
        spec: ModelSpec,
        settings: Settings,
        timeout_s: float,
        on_progress: OnProgress,
        cancellation: Cancellation | None = None,
    ) -> Measurement:
        """Measure one cell here and now; `timeout_s` cannot be kept, and it is cancelled at its next step only."""

        def report(phase: str, facts: dict[str, Any]) -> None:
            if cancellation is not None:
                cancellation.check()
            on_progress({"event": "progress", "phase": phase, **facts})

        release_free_memory()  # given back later, while the model is built, it would make the weights look lighter
        measurement = worker.measure(self._backend, ModelPass(cell, spec), settings, report)
        if measurement.memory is None:
            return measurement
        method = f"{measurement.memory.method} of the calling process"
        return dataclasses.replace(measurement, memory=dataclasses.replace(measurement.memory, method=method))
