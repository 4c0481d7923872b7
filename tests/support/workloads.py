"""Workloads prepared in the tests' own process, where they can be looked at."""

from __future__ import annotations

from typing import Any

from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.workloads.base import Prepared


def open_runtime(framework: str = "PyTorch", settings: dict[str, Any] | None = None, **method: Any) -> Any:
    """Set a framework up on the CPU."""
    return load_backend(FRAMEWORKS[framework].backend).open(
        Settings({"device": "cpu", **(settings or {})}), Method(**method)
    )


def prepare(runtime: Any, spec: ModelSpec, task: str, batch_size: int, length: int) -> Prepared:
    """Prepare the workload of a task."""
    case = Case("", spec.name, task, batch_size, length)
    return resolve(TASKS[task].workload)(case, spec).prepare(runtime)
