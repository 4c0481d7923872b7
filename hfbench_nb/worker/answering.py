"""What a worker does with its one request.  Standard library only."""

from __future__ import annotations

import time
import traceback
from typing import Any

from hfbench_nb.protocol import messages
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.errors import message_of
from hfbench_nb.protocol.measurement import Failure, Measurement
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import Method, ModelSpec, PickledFunction
from hfbench_nb.worker import measuring
from hfbench_nb.worker.backends.base import Backend
from hfbench_nb.worker.workloads.base import Workload


def answer(backend: Backend, request: dict[str, Any], replies: int) -> None:
    """Carry out a request in this process and write the answer."""
    messages.write(replies, {"event": "started", "at_s": time.monotonic()})
    method = Method(**request["method"])
    if request["do"] == "environment":
        try:
            environment = backend.environment(Settings(request["settings"]), method)
            messages.write(replies, {"event": "answer", "environment": environment})
        except BaseException as error:  # a library may raise SystemExit, or a kind of its own
            messages.write(replies, {"event": "answer", "failure": describe_failure(error)})
        return

    def report(phase: str, facts: dict[str, Any]) -> None:
        messages.write(replies, {"event": "progress", "phase": phase, **facts})

    case = Case(**{**request["case"], "settings": Settings(request["case"]["settings"])})
    try:
        workload = _workload(case, request)
        measurement = measuring.measure(lambda: backend.open(case.settings, method), workload, method, report)
    except BaseException as error:  # SystemExit, or a kind of a library's own
        measurement = Measurement("error", failure=Failure(**describe_failure(error)))
    messages.write(replies, {"event": "answer", "measurement": measurement.to_dict()})


def _workload(case: Case, request: dict[str, Any]) -> Workload:
    make: type[Workload] = resolve(request["workload"])
    # Removed from the request: the message itself must not count in the measured memory.
    if "function" in request:
        return make(case, PickledFunction(**request.pop("function")))
    return make(case, ModelSpec.from_message(request.pop("model")))


def import_model_code(backend: Backend, family: str) -> None:
    """Import the code of a model type beforehand.

    Whatever that raises is logged and no more: building the model imports the code again, and its failure is the row's.
    """
    try:
        backend.import_model_code(family)
    except BaseException:
        traceback.print_exc()


def describe_failure(error: BaseException) -> dict[str, str]:
    """Return an error as the fields of a `Failure`."""
    return {
        "error_type": type(error).__name__,
        "message": message_of(error),
        "traceback": "".join(traceback.format_exception(error)),
    }
