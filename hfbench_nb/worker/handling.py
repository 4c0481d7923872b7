"""What a worker does with its one request.  Standard library only."""

from __future__ import annotations

import time
import traceback
from typing import Any

from hfbench_nb.protocol import messages
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import message_of
from hfbench_nb.protocol.measurement import Failure, Measurement
from hfbench_nb.protocol.request import Method
from hfbench_nb.worker import measuring
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.backends.base import Backend
from hfbench_nb.worker.backends.base_counting import PeaksRuntime
from hfbench_nb.worker.opening import case_of, method_of, workload_of
from hfbench_nb.worker.shared_build import SharedBuild, build


def handle(backend: Backend, request: dict[str, Any], replies: int, shared: SharedBuild | None = None) -> None:
    """Carry out a request in this process and write the reply.

    Parameters
    ----------
    backend
        The imported framework.
    request
        The message, which may name another backend of the framework.
    replies
        File descriptor for the reply.
    shared
        The model, if the process that this one was forked from has built it.
    """
    messages.write(replies, {"event": "started", "at_s": time.monotonic()})
    method = method_of(request)
    if request["do"] in ("environment", "peaks"):
        try:
            settings = Settings(request["settings"])
            told = (
                backend.environment(settings, method)
                if request["do"] == "environment"
                else _peaks(backend, settings, method)
            )
            messages.write(replies, {"event": "reply", "told": told})
        except BaseException as error:  # a library may raise SystemExit, or a kind of its own
            messages.write(replies, {"event": "reply", "failure": describe_failure(error)})
        return

    def report(phase: str, facts: dict[str, Any]) -> None:
        messages.write(replies, {"event": "progress", "phase": phase, **facts})

    case = case_of(request)
    try:
        if request.get("backend"):
            backend = load_backend(request["backend"])
        workload = workload_of(case, request)
        request.pop("model", None)  # the message itself must not count in the measured memory
        workload.shared = shared
        measurement = measuring.measure(lambda: backend.open(case.settings, method), workload, method, report)
    except BaseException as error:  # SystemExit, or a kind of a library's own
        measurement = Measurement("error", failure=Failure(**describe_failure(error)))
    messages.write(replies, {"event": "reply", "measurement": measurement.to_dict()})


def _peaks(backend: Backend, settings: Settings, method: Method) -> dict[str, Any]:
    """Return what the device can do at most, as plain data."""
    runtime = backend.open(settings, method)
    if not isinstance(runtime, PeaksRuntime):
        raise NotImplementedError(f"{type(runtime).__name__} does not measure what its device can do")
    return runtime.peaks().to_dict()


def build_or_none(backend: Backend, request: dict[str, Any], replies: int) -> SharedBuild | None:
    """Build the model of a request for several workers; None if they cannot share it, and each is to try by itself."""
    messages.write(replies, {"event": "started", "at_s": time.monotonic()})
    messages.write(replies, {"event": "progress", "phase": "building"})
    try:
        return build(backend, request)
    except BaseException:  # a library may raise SystemExit; a worker that tries reports the failure
        return None


def prepare_forks(backend: Backend) -> None:
    """Let a backend do once what each forked worker would do again, if there is anything."""
    if hasattr(backend, "prepare_forks"):
        backend.prepare_forks()


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
