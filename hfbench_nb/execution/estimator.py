"""Estimating single cases by what their tensors would take, in workers that compute nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.executors import LocalExecutor
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.errors import ArgumentError, IsolationError
from hfbench_nb.protocol.measurement import MEGABYTE, Failure, Measurement
from hfbench_nb.protocol.request import Method, ModelSpec, Request
from hfbench_nb.rendering.units import format_memory


class Estimator:
    """Estimates cases, one at a time, each in a process of its own.

    Parameters
    ----------
    framework
        Name of the framework.
    models
        The models by name.
    method
        How the cases would be measured.
    timeout_s
        When to give up a case, seconds.
    cancellation
        Carries the request to stop.
    device
        What the device ``auto`` stands for, which decides on the kernels of attention; by default that of this machine.
    """

    def __init__(
        self,
        framework: str,
        models: Mapping[str, ModelSpec],
        method: Method,
        timeout_s: float,
        cancellation: Cancellation | None = None,
        device: str | None = None,
    ) -> None:
        self._framework = FRAMEWORKS[framework]
        self._models, self._timeout_s = models, timeout_s
        self._cancellation = cancellation or Cancellation()
        self._method = replace(method.untraced(), speed=False, memory=True, rounds=1)
        self._executor = LocalExecutor()
        self._device = device

    def estimate(self, case: Case, on_progress: Callable[[dict[str, Any]], None] = lambda message: None) -> Measurement:
        """Return what the tensors of a case would take; why that is not known is a measurement, too."""
        if self._device is not None and case.settings.get("device") == "auto":
            case = replace(case, settings=Settings(case.settings, device=self._device))
        request = Request(
            case, self._method, self._models[case.model], self._timeout_s, backend=self._framework.estimating_backend
        )
        try:
            return self._executor.measure(self._framework, request, on_progress, self._cancellation)
        except IsolationError as error:
            return Measurement("crashed", failure=Failure(type(error).__name__, str(error)))


def check_can_estimate(framework: str) -> None:
    """Raise unless cases of a framework can be estimated.

    Raises
    ------
    ArgumentError
        If they cannot.
    """
    if not FRAMEWORKS[framework].estimating_backend:
        able = ", ".join(each.name for each in FRAMEWORKS if each.estimating_backend)
        raise ArgumentError(f"{framework} cannot be estimated: only {able} can follow a model without its memory.")


def with_estimate(
    measurement: Measurement, framework: str, request: Request, cancellation: Cancellation
) -> Measurement:
    """Return a measurement; where memory ran out, the message also says what the case is estimated to need."""
    failure, spec = measurement.failure, request.subject
    if measurement.status != "oom" or failure is None or not FRAMEWORKS[framework].estimating_backend:
        return measurement
    if not isinstance(spec, ModelSpec):
        return measurement
    estimator = Estimator(framework, {request.case.model: spec}, request.method, request.timeout_s, cancellation)
    memory = estimator.estimate(request.case).memory
    if memory is None:
        return measurement
    told = f"; by estimate, the tensors of this case alone take {format_memory(memory.peak_bytes / MEGABYTE)}"
    return replace(measurement, failure=replace(failure, message=f"{failure.message}{told}"))
