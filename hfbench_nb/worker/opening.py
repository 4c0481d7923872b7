"""Reading a request in a worker.  Standard library only."""

from __future__ import annotations

from typing import Any

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import Method, ModelSpec, PickledFunction
from hfbench_nb.worker.workloads.base import Workload


def method_of(request: dict[str, Any]) -> Method:
    """Return how a request is to be measured."""
    return Method(**request["method"])


def case_of(request: dict[str, Any]) -> Case:
    """Return the case of a request."""
    return Case(**{**request["case"], "settings": Settings(request["case"]["settings"])})


def workload_of(case: Case, request: dict[str, Any]) -> Workload:
    """Return what is measured."""
    make: type[Workload] = resolve(request["workload"])
    # Removed from the request: the message itself must not count in the measured memory.
    if "function" in request:
        return make(case, PickledFunction(**request.pop("function")))
    return make(case, ModelSpec.from_message(request["model"]))
