"""The process that measures: it imports a framework and then serves requests, in forked workers where it can.

Started by `hfbench_nb.execution.launch`.  Standard library only: it may run in a different environment from the
notebook's.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import Any

from hfbench_nb.protocol import messages
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.child import open_pidfd
from hfbench_nb.worker.fork_server import ForkServer
from hfbench_nb.worker.handling import describe_failure, handle, import_model_code, prepare_forks
from hfbench_nb.worker.heap import settle_objects


def serve(options: dict[str, Any]) -> None:
    """Serve requests until the notebook process ends; `options` are those that `launch.command` writes."""
    # Messages use the original standard output; whatever the framework prints goes to the log.
    replies = os.dup(1)
    os.dup2(2, 1)
    try:
        start = time.perf_counter()
        gc.disable()  # what is imported stays: looking for garbage meanwhile takes a fifth of the time
        backend = load_backend(options["backend"])
        for task in TASKS:
            resolve(task.workload)  # imported before the first fork, so that no worker has to
    except BaseException as error:  # a library may raise SystemExit, or a kind of its own
        messages.write(replies, {"event": "failed", "failure": describe_failure(error)})
        return
    messages.write(replies, {"event": "ready", "import_s": time.perf_counter() - start})
    if options["fork"]:
        prepare_forks(backend)
        ForkServer(backend, 0, replies, open_pidfd(options["client_pid"]), options["idle_s"]).serve()
        os._exit(0)  # its end is waited for, and a regular exit takes a fifth of a second
    settle_objects()
    request = messages.decode(sys.stdin.buffer.readline())
    if request is not None:
        if request.get("family") is not None:
            import_model_code(backend, request["family"])
        handle(backend, request, replies)
