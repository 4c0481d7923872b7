"""The notebook's side of the workers: starts their servers, sends requests, stops them."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hfbench_nb.arguments.frameworks import Framework
from hfbench_nb.execution import launch
from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.process import KILL_TIMEOUT_S, WorkerProcess, describe_end, running_processes
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.facts import Costs
from hfbench_nb.protocol.measurement import Failure, Measurement
from hfbench_nb.protocol.peaks import Peaks
from hfbench_nb.protocol.request import Method, Request, environment_message, peaks_message

QUESTION_TIMEOUT_S = 120.0
_SIGKILL = 9


OnProgress = Callable[[dict[str, Any]], None]


class WorkerEnded(IsolationError):
    """A worker ended without describing its environment: the settings may be the reason."""


def can_fork() -> bool:
    """Return whether frameworks survive a fork on this system."""
    return sys.platform == "linux" and os.environ.get("HFBENCH_FRESH_INTERPRETER") != "1"


def workers(
    framework: Framework, python: str | None = None, overlay: str | None = None, huge_pages: bool = False
) -> Workers:
    """Return the workers for a framework and environment; the same object while nothing relevant has changed."""
    if not can_fork():
        return FreshInterpreters(framework, python, overlay, huge_pages)
    key = (
        os.getpid(),
        framework.name,
        framework.backend,
        python,
        overlay and os.path.abspath(overlay),
        huge_pages,
        launch.relevant_environment(os.environ),
        tuple(launch.module_search_path()),
    )
    with _lock:
        for other in [k for k, server in _servers.items() if not server.is_alive()]:
            del _servers[other]
        if key not in _servers:
            _servers[key] = WorkerServer(framework, python, overlay, huge_pages)
        return _servers[key]


def close_all() -> None:
    """Stop every process that this one has started, also one that another thread is just starting."""
    with _lock:
        _servers.clear()
    for process in running_processes():
        process.close()


_lock = threading.Lock()
_servers: dict[tuple[Any, ...], WorkerServer] = {}
atexit.register(close_all)


class Workers:
    """Requests one measurement at a time and waits for it: the common base of both ways of isolation."""

    def __init__(self, framework: Framework, python: str | None, overlay: str | None, huge_pages: bool = False) -> None:
        self._where = (framework, python, overlay, huge_pages)
        self._one_at_a_time = threading.Lock()
        self._process: WorkerProcess | None = None

    def environment(
        self, settings: Settings, method: Method, cancellation: Cancellation, family: str | None = None
    ) -> dict[str, Any]:
        """Describe the framework and the device where cases are measured, once the code of a model type is imported.

        Raises
        ------
        IsolationError
            If the framework or the device does not exist.
        WorkerEnded
            If the worker ended meanwhile.
        Cancelled
            If another thread cancelled it.
        """
        return self._tell(environment_message(settings, method, family), cancellation)

    def peaks(self, settings: Settings, method: Method, cancellation: Cancellation) -> Peaks:
        """Measure what the device can do at most.

        Raises
        ------
        IsolationError
            If the backend cannot measure that, or the worker ended.
        Cancelled
            If another thread cancelled it.
        """
        return Peaks.from_dict(self._tell(peaks_message(settings, method), cancellation))

    def _tell(self, request: dict[str, Any], cancellation: Cancellation) -> dict[str, Any]:
        """Return the reply of a worker to a question that is no measurement."""
        with cancellation.hold(self._one_at_a_time):
            process = self._ready_process(cancellation)
            log_start = process.log_size()
            reply, end = self._ask(process, request, QUESTION_TIMEOUT_S, lambda message: None, cancellation)
            log = process.log_tail(log_start)
        if reply is None:
            raise WorkerEnded(f"{self._where[0].name} cannot be used: {describe_end(end, log)}")
        if "failure" in reply:
            raise IsolationError(f"{self._where[0].name} cannot be used: {Failure(**reply['failure'])}")
        told: dict[str, Any] = reply["told"]
        return told

    def measure(self, request: Request, on_progress: OnProgress, cancellation: Cancellation) -> Measurement:
        """Measure one case in a separate process; a failure is a measurement, too.

        Raises
        ------
        IsolationError
            If no process could be started.
        KeyboardInterrupt, Cancelled
            If the user stopped it; the process has then ended.
        """
        with cancellation.hold(self._one_at_a_time):
            process = self._ready_process(cancellation)
            log_start, asked_at_s = process.log_size(), time.monotonic()
            ooms = _kernel_oom_kills()
            started_at_s: list[float] = []

            def watch(message: dict[str, Any]) -> None:
                if message["event"] == "started":
                    started_at_s.append(message["at_s"])
                on_progress(message)

            reply, end = self._ask(process, request.to_message(), request.timeout_s, watch, cancellation)
            log = process.log_tail(log_start)
        if log:
            on_progress({"event": "log", "text": log})
        start_s = started_at_s[0] - asked_at_s if started_at_s else 0.0
        if reply is not None:
            measurement = Measurement.from_dict(reply["measurement"])
            return replace(measurement, costs=replace(measurement.costs, start_s=start_s))
        was_oom = end == -_SIGKILL and _kernel_oom_kills() > ooms
        return Measurement(*_judge_end(end, request.timeout_s, was_oom=was_oom, log=log), costs=Costs(start_s))

    def release(self) -> None:
        """Drop a model that was built for several cases; there is none unless the workers are forked."""

    def _ready_process(self, cancellation: Cancellation) -> WorkerProcess:
        raise NotImplementedError

    def _stop(self, process: WorkerProcess) -> None:
        """Stop the current request."""
        raise NotImplementedError

    def _ask(
        self,
        process: WorkerProcess,
        request: dict[str, Any],
        timeout_s: float,
        on_message: OnProgress,
        cancellation: Cancellation,
    ) -> tuple[dict[str, Any] | None, int | None]:
        """Send a request; return its reply, if there was one, and the worker's exit code, None after a timeout."""
        deadline = time.monotonic() + timeout_s
        reply: dict[str, Any] | None = None
        try:
            with cancellation.waking(lambda: process.messages.put({"event": "cancel", "by": cancellation})):
                process.send(request)
                while True:
                    try:
                        message = process.messages.get(timeout=max(0.0, deadline - time.monotonic()))
                    except queue.Empty:
                        self._stop(process)
                        return reply, None
                    if message["event"] == "cancel":
                        # A cancellation may arrive too late for the request of a former run; it must not stop this one.
                        if message["by"] is cancellation:
                            raise Cancelled
                    elif message["event"] in ("exit", "end"):
                        return reply, message["code"]
                    elif message["event"] == "reply":
                        reply = message
                    else:
                        on_message(message)
        except BaseException:
            self._stop(process)
            raise


class WorkerServer(Workers):
    """Measures each case in a worker that a server forks: the server is started once."""

    def is_alive(self) -> bool:
        """Return whether the server is running, or has not been needed yet."""
        return self._process is None or self._process.is_alive()

    def release(self) -> None:
        """Drop a model that was built for several cases."""
        if self._process is not None and self._process.is_alive():
            self._process.send({"do": "release"})

    def _ready_process(self, cancellation: Cancellation) -> WorkerProcess:
        if self._process is None or not self._process.is_alive():
            self._process = WorkerProcess(*self._where, fork=True, cancellation=cancellation)
        return self._process

    def _stop(self, process: WorkerProcess) -> None:
        process.send({"do": "kill"})
        deadline = time.monotonic() + KILL_TIMEOUT_S
        try:
            while process.messages.get(timeout=max(0.0, deadline - time.monotonic()))["event"] not in ("exit", "end"):
                pass
        except BaseException as error:  # it does not reply, or the user interrupts again
            process.kill()
            if not isinstance(error, queue.Empty):
                raise


class FreshInterpreters(Workers):
    """Measures each case in a new interpreter: slower, but needs no fork."""

    def _ready_process(self, cancellation: Cancellation) -> WorkerProcess:
        self._process = WorkerProcess(*self._where, fork=False, cancellation=cancellation)
        return self._process

    def _stop(self, process: WorkerProcess) -> None:
        process.kill()


def _judge_end(code: int | None, timeout_s: float, *, was_oom: bool, log: str) -> tuple[str, None, None, Failure]:
    """Return status and failure of a case whose worker ended without a reply."""
    if code is None:
        message = f"the case took longer than timeout_s={timeout_s:g} seconds and was ended"
        return "timeout", None, None, Failure("TimeoutError", message, log=log)
    if was_oom:
        message = "the kernel's out-of-memory killer ended the worker"
        return "oom", None, None, Failure("MemoryError", message, log=log)
    return "crashed", None, None, Failure("ProcessError", describe_end(code, log), log=log)


def _kernel_oom_kills() -> int:
    """Count the processes that the kernel's out-of-memory killer has ended since the machine started; Linux only."""
    with contextlib.suppress(OSError, ValueError), open("/proc/vmstat", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
