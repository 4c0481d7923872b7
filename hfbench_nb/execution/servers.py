"""The notebook's end: starts the processes that measure, asks them, ends them."""

from __future__ import annotations

import atexit
import base64
import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from hfbench_nb.execution import launch
from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.process import KILL_TIMEOUT_S, MeasuringProcess
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.records import Cell, Failure, Measurement, ModelSpec, Settings

ENVIRONMENT_TIMEOUT_S = 120.0
_SIGKILL = 9

OnProgress = Callable[[dict[str, Any]], None]


class Measurer(Protocol):
    """Measures cells, one at a time."""

    def environment(self, settings: Settings, cancellation: Cancellation | None = None) -> dict[str, Any]:
        """Describe the framework and the device where cells are measured."""
        ...

    def measure(
        self,
        cell: Cell,
        spec: ModelSpec,
        settings: Settings,
        timeout_s: float,
        on_progress: OnProgress,
        cancellation: Cancellation | None = None,
    ) -> Measurement:
        """Measure one cell; a failure is a measurement too."""
        ...


def can_fork() -> bool:
    """Tell whether frameworks survive a fork on this system."""
    return sys.platform == "linux" and os.environ.get("HFBENCH_FRESH_INTERPRETER") != "1"


def measurer(framework: str, python: str | None = None, overlay: str | None = None) -> IsolatedMeasurer:
    """Give the measurer for a framework in an environment; the same one again while nothing relevant has changed."""
    if not can_fork():
        return FreshInterpreters(framework, python, overlay)
    key = (
        os.getpid(),
        framework,
        python,
        overlay and os.path.abspath(overlay),
        launch.relevant_environment(os.environ),
        tuple(launch.module_search_path()),
    )
    with _lock:
        for other in [k for k, server in _servers.items() if not server.is_alive()]:
            del _servers[other]
        if key not in _servers:
            _servers[key] = ForkingServer(framework, python, overlay)
        return _servers[key]


def close_all() -> None:
    """End every process that this one has started."""
    with _lock:
        for server in _servers.values():
            server.close()
        _servers.clear()


_lock = threading.Lock()
_servers: dict[tuple[Any, ...], ForkingServer] = {}
atexit.register(close_all)


class IsolatedMeasurer:
    """Asks one question at a time and waits for the answer; what is common to both ways of isolation."""

    def __init__(self, framework: str, python: str | None, overlay: str | None) -> None:
        self._where = (framework, python, overlay)
        self._turn = threading.Lock()
        self._process: MeasuringProcess | None = None

    def environment(self, settings: Settings, cancellation: Cancellation | None = None) -> dict[str, Any]:
        """Describe the framework and the device where cells are measured.

        Raises
        ------
        IsolationError
            If the framework or the device is not there.
        Cancelled
            If another thread cancelled it.
        """
        cancellation = cancellation or Cancellation()
        request = {"do": "environment", "settings": asdict(settings)}
        with cancellation.turn(self._turn):
            process = self._ready_process(cancellation)
            answer, end = self._ask(process, request, ENVIRONMENT_TIMEOUT_S, lambda message: None, cancellation)
        if answer is None or "failure" in answer:
            reason = _describe_end(end) if answer is None else Failure(**answer["failure"])
            raise IsolationError(f"{self._where[0]} cannot be used: {reason}")
        described: dict[str, Any] = answer["environment"]
        return described

    def measure(
        self,
        cell: Cell,
        spec: ModelSpec,
        settings: Settings,
        timeout_s: float,
        on_progress: OnProgress,
        cancellation: Cancellation | None = None,
    ) -> Measurement:
        """Measure one cell in a process of its own.

        Raises
        ------
        IsolationError
            If no process could be started.
        KeyboardInterrupt, Cancelled
            If the user stopped it; the process is gone then.
        """
        request = {
            "do": "cell",
            "family": spec.family,
            "cell": asdict(cell),
            "model": asdict(spec),
            "settings": asdict(settings),
        }
        return self._measure(request, timeout_s, on_progress, cancellation or Cancellation())

    def measure_function(
        self, pickled: bytes, settings: Settings, timeout_s: float, on_progress: OnProgress
    ) -> Measurement:
        """Measure a function, which `hfbench_nb.measure` has pickled, like a cell."""
        request = {
            "do": "function",
            "pickled": base64.b64encode(pickled).decode("ascii"),
            "folder": str(Path.cwd()),
            "settings": asdict(settings),
        }
        return self._measure(request, timeout_s, on_progress, Cancellation())

    def _measure(
        self, request: dict[str, Any], timeout_s: float, on_progress: OnProgress, cancellation: Cancellation
    ) -> Measurement:
        with cancellation.turn(self._turn):
            process = self._ready_process(cancellation)
            log_start, asked_at_s = process.log_size(), time.monotonic()
            ooms = _kernel_oom_kills()
            started: dict[str, Any] = {}

            def watch(message: dict[str, Any]) -> None:
                if message["event"] == "started":
                    started["start_s"] = message["at_s"] - asked_at_s
                on_progress(message)

            answer, end = self._ask(process, request, timeout_s, watch, cancellation)
            log = process.log_tail(log_start)
        if log:
            on_progress({"event": "log", "text": log})
        if answer is not None:
            measurement = Measurement.from_dict(answer["measurement"])
            measurement.details.update(started)
            return measurement
        was_oom = end == -_SIGKILL and _kernel_oom_kills() > ooms
        return Measurement(*_judge_end(end, timeout_s, was_oom=was_oom, log=log), details=started)

    def _ready_process(self, cancellation: Cancellation) -> MeasuringProcess:
        raise NotImplementedError

    def _stop(self, process: MeasuringProcess) -> None:
        """End the request that is going on."""
        raise NotImplementedError

    def _ask(
        self,
        process: MeasuringProcess,
        request: dict[str, Any],
        timeout_s: float,
        on_message: OnProgress,
        cancellation: Cancellation,
    ) -> tuple[dict[str, Any] | None, int | None]:
        """Send a request; give its answer, if there was one, and its process's exit code, None after a time-out."""
        deadline = time.monotonic() + timeout_s
        answer: dict[str, Any] | None = None
        try:
            with cancellation.waking(lambda: process.messages.put({"event": "cancel", "by": cancellation})):
                process.send(request)
                while True:
                    try:
                        message = process.messages.get(timeout=max(0.0, deadline - time.monotonic()))
                    except queue.Empty:
                        self._stop(process)
                        return answer, None
                    if message["event"] == "cancel":
                        # One that came too late to end a former run's request is none of this one's business.
                        if message["by"] is cancellation:
                            raise Cancelled
                    elif message["event"] in ("exit", "end"):
                        return answer, message["code"]
                    elif message["event"] == "answer":
                        answer = message
                    else:
                        on_message(message)
        except BaseException:
            self._stop(process)
            raise


class ForkingServer(IsolatedMeasurer):
    """Measures each cell in a child that a server forks: the server is started once."""

    def is_alive(self) -> bool:
        """Tell whether the server runs, or has not been needed yet."""
        return self._process is None or self._process.is_alive()

    def close(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.close()

    def _ready_process(self, cancellation: Cancellation) -> MeasuringProcess:
        if self._process is None or not self._process.is_alive():
            self._process = MeasuringProcess(*self._where, fork=True, cancellation=cancellation)
        return self._process

    def _stop(self, process: MeasuringProcess) -> None:
        process.send({"do": "kill"})
        deadline = time.monotonic() + KILL_TIMEOUT_S
        try:
            while process.messages.get(timeout=max(0.0, deadline - time.monotonic()))["event"] not in ("exit", "end"):
                pass
        except BaseException as error:  # it does not answer, or the user is out of patience
            process.kill()
            if not isinstance(error, queue.Empty):
                raise


class FreshInterpreters(IsolatedMeasurer):
    """Measures each cell in an interpreter started for it: slower, and needs no fork."""

    def _ready_process(self, cancellation: Cancellation) -> MeasuringProcess:
        self._process = MeasuringProcess(*self._where, fork=False, cancellation=cancellation)
        return self._process

    def _stop(self, process: MeasuringProcess) -> None:
        process.kill()


def _judge_end(code: int | None, timeout_s: float, *, was_oom: bool, log: str) -> tuple[str, None, None, Failure]:
    """Give status and failure of a cell whose process ended without an answer."""
    if code is None:
        message = f"the cell took longer than timeout_s={timeout_s:g} seconds and was ended"
        return "timeout", None, None, Failure("TimeoutError", message, log=log)
    if was_oom:
        message = "the kernel's out-of-memory killer ended the measuring process"
        return "oom", None, None, Failure("MemoryError", message, log=log)
    return "crashed", None, None, Failure("ProcessError", _describe_end(code), log=log)


def _describe_end(code: int | None) -> str:
    if code is None:
        return "the measuring process did not answer in time"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"the measuring process was ended by {signal.Signals(-code).name}"
    return f"the measuring process ended with exit code {code} and without an answer"


def _kernel_oom_kills() -> int:
    """Count the processes that the kernel's out-of-memory killer has ended since the machine started; Linux only."""
    with contextlib.suppress(OSError, ValueError), open("/proc/vmstat", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
