"""What the machine could do at most, beside what a case has achieved."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from hfbench_nb.arguments.frameworks import FRAMEWORKS, Framework
from hfbench_nb.arguments.sweep import computed_dtype, known_axes
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.executors import Executor
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.peaks import Peaks
from hfbench_nb.protocol.request import Method, Request
from hfbench_nb.storage.machine_peaks import read_peaks, write_peaks
from hfbench_nb.storage.run_folders import cache_folder

# Variables on which it depends which GPU has which number, and where threads run.
_VARIABLES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "OMP_PROC_BIND", "KMP_AFFINITY")

_measured: dict[str, Peaks] = {}
_again: set[str] = set()


@runtime_checkable
class PeaksExecutor(Protocol):
    """An executor that can measure what its device can do at most."""

    def peaks(self, framework: Framework, settings: Settings, method: Method, cancellation: Cancellation) -> Peaks:
        """Measure that, with the settings of a case.

        Raises
        ------
        IsolationError
            If it cannot be measured.
        """
        ...


def with_peaks(
    measurement: Measurement, executor: Executor, framework: str, request: Request, cancellation: Cancellation
) -> Measurement:
    """Return a measurement; where it is known what the case computes, also what the device can do at most.

    That is measured once per device, data type and number of threads, after the first such case, and kept for a day.
    A case that achieves more shows that the machine was slow then: it is measured once more.
    """
    flops, timing = measurement.metrics.get("flops"), measurement.timing
    if not flops or timing is None or not isinstance(executor, PeaksExecutor):
        return measurement
    settings = _settings_of(request, measurement)
    key = _key(settings, measurement.framework_version)
    peaks = _find(key)
    achieved = flops / timing.median_s / 1e9
    if peaks is None or (achieved > peaks.gflops_per_s.best and key not in _again):
        try:
            found = executor.peaks(FRAMEWORKS[framework], settings, request.method, cancellation)
        except IsolationError as error:
            return replace(measurement, details={**measurement.details, "no_peaks": str(error)})
        if peaks is not None:
            _again.add(key)
            found = peaks.or_more(found)
        peaks = found
        _keep(key, peaks)
    return replace(measurement, metrics={**measurement.metrics, **peaks.metrics}, peaks=peaks)


def _settings_of(request: Request, measurement: Measurement) -> Settings:
    """Return the settings with which the peaks for a case are measured: what it resolved, and what it computes in."""
    settings = Settings({**request.case.settings, **measurement.resolved})
    of_device = [name for name, axis in known_axes().items() if axis.is_place or axis.is_machine]
    return Settings(settings.only(of_device), dtype=computed_dtype(settings))


def _key(settings: Settings, framework_version: str) -> str:
    facts = {
        **settings,
        "machine": platform.node(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "framework_version": framework_version,
        **{name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }
    return json.dumps(facts, sort_keys=True)


def _find(key: str) -> Peaks | None:
    folder = _folder()
    if key not in _measured and folder is not None and (kept := read_peaks(folder, key)) is not None:
        _measured[key] = kept
    return _measured.get(key)


def _keep(key: str, peaks: Peaks) -> None:
    _measured[key] = peaks
    folder = _folder()
    if folder is None:
        return
    try:
        write_peaks(folder, key, peaks)
    except OSError:
        pass  # a cache that cannot be written to: this process knows them


def _folder() -> Path | None:
    try:
        return cache_folder()
    except OSError:  # a user without a home directory
        return None
