"""What a Dask worker does for a notebook: it describes its machine, and measures one case at a time there.

The notebook's side is in `dask_machine`.  Dask pickles the functions of this module by name.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.executors import LocalExecutor
from hfbench_nb.execution.machines import ThisMachine
from hfbench_nb.execution.servers import WorkerEnded
from hfbench_nb.protocol.case import HOST, Settings
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.request import Method, Request
from hfbench_nb.results.environment import machine_facts, tool_version

RESOURCE = "hfbench_nb"
"""What each task takes all of, so that a worker measures one case at a time."""

_LOOK_EVERY_S = 0.2

Reply = dict[str, Any]
_executor = LocalExecutor()


async def take_part(dask_worker: Any) -> Reply:
    """Let a worker measure one case at a time; return its name, its machine, and the version of this package there.

    Workers on one machine share its machine lock, and are one machine of a run.
    """
    import dask

    await dask_worker.set_resources(**{RESOURCE: 1})
    # Dask looks at itself every 10 and 20 ms: 3 % of a core, which what is measured may use.
    for name in ("profile", "profile-cycle", "tick"):
        if name in dask_worker.periodic_callbacks:
            dask_worker.periodic_callbacks.pop(name).stop()
    if dask_worker.nanny:  # which limits its workers, and with them what they start, to one thread
        for name, value in dask.config.get("distributed.nanny.pre-spawn-environ", {}).items():
            if os.environ.get(name) == str(value):
                del os.environ[name]
    folder = Path(tempfile.gettempdir()).stat()
    return {
        "name": str(dask_worker.name),
        "hostname": socket.gethostname(),
        "identity": f"{socket.gethostname()} {folder.st_dev} {folder.st_ino}",
        "version": tool_version(),
        "facts": machine_facts(),
    }


def environment_here(framework: str, settings: Settings, method: Method, topic: str) -> Reply:
    """Describe the framework and the device on this machine."""
    with _task(topic) as (tell, cancellation):
        here = _here(tell)
        return _reply_of(lambda: {"environment": here.environment(framework, settings, method, tell, cancellation)})


def measure_here(framework: str, request: Request, topic: str) -> Reply:
    """Measure one case on this machine."""
    case = replace(request.case, settings=request.case.settings.without([HOST]))
    method = replace(request.method, scratch=_scratch(request.method.scratch))
    request = replace(request, case=case, method=method)
    with _task(topic) as (tell, cancellation):
        return _reply_of(lambda: _packed(_here(tell).measure(framework, request, tell, cancellation)))


def release_here(scratch: str) -> None:
    """Drop what was kept for further cases of a run."""
    _executor.release()
    if scratch:
        shutil.rmtree(Path(_scratch(scratch)).parent, ignore_errors=True)


class _Teller:
    """Tells the notebook that this run waits."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell

    def wait(self, reason: str) -> None:
        """Tell why."""
        self._tell({"event": "wait", "reason": reason})


def _here(tell: Callable[[dict[str, Any]], None]) -> ThisMachine:
    return ThisMachine(_executor, _Teller(tell))


def _reply_of(work: Callable[[], Reply]) -> Reply:
    try:
        return work()
    except IsolationError as error:
        return {"failure": str(error), "worker_ended": isinstance(error, WorkerEnded)}
    except Cancelled:
        return {"cancelled": True}


def _packed(measurement: Measurement) -> Reply:
    """Return a measurement as JSON, with the file of its trace, which stays on this machine otherwise."""
    trace = b""
    if measurement.profile is not None and measurement.profile.trace:
        path = Path(measurement.profile.trace)
        with contextlib.suppress(OSError):
            trace = path.read_bytes()
            path.unlink()
    return {"measurement": json.dumps(measurement.to_dict(), default=str), "trace": trace}


def _scratch(of_notebook: str) -> str:
    """Return the folder here that stands for one on the machine of the notebook."""
    return str(Path(tempfile.gettempdir(), *Path(of_notebook).parts[-2:])) if of_notebook else ""


@contextlib.contextmanager
def _task(topic: str) -> Iterator[tuple[Callable[[dict[str, Any]], None], Cancellation]]:
    """Run a task that can tell the notebook how it gets on, and that ends once nobody wants its result.

    Dask leaves a task that is cancelled, or whose notebook or scheduler is gone, running, and only notes it.
    """
    from distributed import get_worker

    worker = get_worker()
    key: Any = worker.get_current_task()  # what the notebook has named it: its machine, and a number
    cancellation, ended = Cancellation(), threading.Event()

    def tell(message: dict[str, Any]) -> None:
        worker.log_event(topic, {"task": key[1], "message": message})

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            task = worker.state.tasks.get(key)
            is_wanted = task is not None and task.state in ("executing", "long-running")
            if not is_wanted or worker.status.name not in ("running", "paused"):
                cancellation.cancel()
                return

    threading.Thread(target=watch, name="hfbench-watch", daemon=True).start()
    try:
        yield tell, cancellation
    finally:
        ended.set()
