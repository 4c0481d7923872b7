"""Measuring in the caller's own process, for debugging (``multi_process=False``)."""

from __future__ import annotations

import dataclasses
from typing import Any

from hfbench_nb import worker
from hfbench_nb.backends import load_backend
from hfbench_nb.backends.base import DeviceNotFoundError
from hfbench_nb.errors import IsolationError
from hfbench_nb.isolation.client import OnProgress
from hfbench_nb.records import Cell, Measurement, ModelSpec, Settings


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

    def environment(self, settings: Settings) -> dict[str, Any]:
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
        self, cell: Cell, spec: ModelSpec, settings: Settings, timeout_s: float, on_progress: OnProgress
    ) -> Measurement:
        """Measure one cell here and now; `timeout_s` cannot be kept."""
        measurement = worker.measure(
            self._backend, cell, spec, settings,
            lambda phase, facts: on_progress({"event": "progress", "phase": phase, **facts}),
        )  # fmt: skip
        if measurement.memory is None:
            return measurement
        method = f"{measurement.memory.method} of the calling process"
        return dataclasses.replace(measurement, memory=dataclasses.replace(measurement.memory, method=method))

    def cancel(self) -> None:
        """Do nothing: only an interrupt of the caller ends this measurement."""
