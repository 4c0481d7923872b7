"""The measuring end: a process that holds an imported framework and gives each request a process of its own.

Started by `hfbench_nb.execution.launch`, it imports the framework, touches no device, starts no thread pool, and
forks a child for each request.  For each model type it first forks a *branch*, a server like itself that also imports
that type's code: a child then finds everything imported, and its memory does not depend on which other models were
measured before it.  Where fork is not to be had, the process answers one request itself and ends.

Standard library only: it may run in another environment than the notebook.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from hfbench_nb.protocol import messages as protocol
from hfbench_nb.protocol.records import Cell, ModelSpec, Settings
from hfbench_nb.worker import measuring as worker
from hfbench_nb.worker import pages
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.backends.base import Backend
from hfbench_nb.worker.child import adopt_orphans, become_child, kill_children, kill_group
from hfbench_nb.worker.memory import release_free_memory
from hfbench_nb.worker.workloads import FunctionCall, ModelPass, Subject

_READ_BYTES = 1 << 16


def serve(options: dict[str, Any]) -> None:
    """Run the measuring end until the notebook is gone; `options` as `launch.command` makes them."""
    # The protocol keeps the original standard output; whatever the framework prints goes to the log.
    replies = os.dup(1)
    os.dup2(2, 1)
    try:
        start = time.perf_counter()
        backend = load_backend(options["framework"])
    except Exception as error:
        protocol.write(replies, {"event": "failed", "failure": _failure(error)})
        return
    protocol.write(replies, {"event": "ready", "import_s": time.perf_counter() - start})
    if options["fork"]:
        watched = _open_pidfd(options["client_pid"])
        ForkServer(backend, 0, replies, watched, options["idle_s"]).serve()
        return
    request = protocol.decode(sys.stdin.buffer.readline())
    if request is not None:
        if request["do"] == "cell":
            backend.import_model_code(request["family"])
        answer(backend, request, replies)


def answer(backend: Backend, request: dict[str, Any], replies: int) -> None:
    """Do what a request asks, in this process, and write the answer."""
    protocol.write(replies, {"event": "started", "at_s": time.monotonic()})
    settings = Settings(**request["settings"])
    if request["do"] == "environment":
        try:
            protocol.write(replies, {"event": "answer", "environment": backend.environment(settings)})
        except Exception as error:
            protocol.write(replies, {"event": "answer", "failure": _failure(error)})
        return

    def report(phase: str, facts: dict[str, Any]) -> None:
        protocol.write(replies, {"event": "progress", "phase": phase, **facts})

    measurement = worker.measure(backend, _subject(request), settings, report)
    protocol.write(replies, {"event": "answer", "measurement": measurement.to_dict()})


def _subject(request: dict[str, Any]) -> Subject:
    if request["do"] == "function":
        # Taken out of the request: what was sent must not weigh in the figures.
        return FunctionCall(request.pop("pickled"), request["folder"])
    return ModelPass(Cell(**request["cell"]), ModelSpec(**request["model"]))


class ForkServer:
    """Forks a process for each request, one at a time, and tells when it is gone.

    Parameters
    ----------
    backend
        The framework, imported.
    requests, replies
        File descriptors of the two directions of the protocol.
    client
        A pidfd that becomes readable when the notebook's process ends, or None.
    idle_s
        Ends after so many seconds without work; None for never.
    family
        The model type whose code is imported, or None for the trunk, which serves every other request.
    on_idle
        Called when a request is done: a branch tells its trunk.
    """

    def __init__(
        self,
        backend: Backend,
        requests: int,
        replies: int,
        client: int | None,
        idle_s: float | None,
        family: str | None = None,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._backend = backend
        self._requests = requests
        self._replies = replies
        self._client = client
        self._idle_s = idle_s
        self._family = family
        self._on_idle = on_idle
        self._child: int | None = None
        self._branch: _Branch | None = None
        self._pages = pages.resident_file_pages()
        # A signal cannot be waited for together with file descriptors; what it writes here can.
        self._deaths, self._wakeup = socket.socketpair()
        self._deaths.setblocking(False)
        self._wakeup.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        # What is there now will never be garbage: leave its pages alone, parent and children share them.
        gc.collect()
        gc.freeze()
        adopt_orphans()

    def serve(self) -> None:
        """Answer requests until the other end is gone or silent for too long; leave no process behind."""
        reader = protocol.MessageReader()
        try:
            while True:
                ready = self._wait()
                if not ready or self._client in ready:
                    return
                if self._deaths.fileno() in ready:
                    self._deaths.recv(_READ_BYTES)
                    self._reap()
                if self._branch is not None and self._branch.line.fileno() in ready:
                    self._branch.busy = not self._branch.line.recv(_READ_BYTES)
                if self._requests in ready:
                    data = os.read(self._requests, _READ_BYTES)
                    if not data:
                        return
                    for request in reader.feed(data):
                        self._handle(request)
        finally:
            self._kill_child()
            self._drop_branch()
            self._kill_strays()

    def _wait(self) -> list[int]:
        waited = [self._requests, self._deaths.fileno()]
        if self._client is not None:
            waited.append(self._client)
        if self._branch is not None:
            waited.append(self._branch.line.fileno())
        busy = self._child is not None or (self._branch is not None and self._branch.busy)
        return select.select(waited, [], [], None if busy else self._idle_s)[0]

    def _handle(self, request: dict[str, Any]) -> None:
        if request["do"] == "kill":
            self._kill_child()
            if self._branch is not None and self._branch.busy:
                self._branch.line.sendall(protocol.encode(request))
        elif request["do"] == "cell" and request["family"] != self._family:
            branch = self._branch_for(request["family"])
            branch.busy = True
            branch.line.sendall(protocol.encode(request))
        else:
            self._fork_child(request)
            if request.pop("pickled", None) is not None:
                release_free_memory()  # a large function must not weigh in the baseline of whatever comes next

    def _fork_child(self, request: dict[str, Any]) -> None:
        server = os.getpid()
        self._child = os.fork()
        if self._child:
            return

        def body() -> None:
            become_child(server, self._pages)
            answer(self._backend, request, self._replies)

        self._run_forked(body)

    def _branch_for(self, family: str) -> _Branch:
        """Give the branch of a model type; models are measured one after the other, so one branch is enough."""
        if self._branch is not None and self._branch.family != family:
            self._drop_branch()
        if self._branch is None:
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if not pid:
                ours.close()
                self._run_forked(lambda: self._serve_branch(family, theirs))
            theirs.close()
            self._branch = _Branch(family, pid, ours)
        return self._branch

    def _serve_branch(self, family: str, line: socket.socket) -> None:
        pages.touch(self._pages)
        self._backend.import_model_code(family)
        ForkServer(
            self._backend, line.fileno(), self._replies, self._client, None, family, lambda: line.sendall(b"-")
        ).serve()

    def _run_forked(self, body: Callable[[], None]) -> None:
        """Run what a forked process is there for; never return into the code of its parent."""
        code = 1
        try:
            try:
                # Requests come by standard input: nobody else may read there.
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                self._deaths.close()
                self._wakeup.close()
                body()
                code = 0
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:  # also where the cell has closed what would be printed to
            os._exit(code)

    def _reap(self) -> None:
        """Take note of the processes that have ended, and end what they left behind."""
        if self._child is not None and os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            kill_group(self._child)
            status = os.waitpid(self._child, 0)[1]
            self._child = None
            self._kill_strays()
            self._on_idle()  # first: once the notebook knows, its next request may overtake what the trunk is told
            self._tell_exit(status)
        if self._branch is not None:
            pid, status = os.waitpid(self._branch.pid, os.WNOHANG)
            if pid:
                branch, self._branch = self._branch, None
                branch.line.close()
                self._kill_strays()
                if branch.busy:
                    self._tell_exit(status)

    def _tell_exit(self, status: int) -> None:
        try:
            protocol.write(self._replies, {"event": "exit", "code": os.waitstatus_to_exitcode(status)})
        except OSError:
            pass  # nobody is left to be told; the end of the requests will be read next

    def _kill_child(self) -> None:
        if self._child is not None:
            os.kill(self._child, signal.SIGKILL)
            kill_group(self._child)

    def _kill_strays(self) -> None:
        """End what a cell has started and its group does not hold: such processes are now our own children."""
        kill_children(spared=set() if self._branch is None else {self._branch.pid})

    def _drop_branch(self) -> None:
        """Close a branch's line, which ends it, and wait for that."""
        if self._branch is not None:
            self._branch.line.close()
            os.waitpid(self._branch.pid, 0)
            self._branch = None


class _Branch:
    def __init__(self, family: str, pid: int, line: socket.socket) -> None:
        self.family = family
        self.pid = pid
        self.line = line
        self.busy = False


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None  # the end of the requests is enough, unless the notebook left forked children behind


def _failure(error: Exception) -> dict[str, str]:
    return {
        "error_type": type(error).__name__,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }
