"""The worker server: a process that has imported a framework and forks a separate worker for each request.

Started by `hfbench_nb.execution.launch`, it imports the framework, touches no device, starts no thread pool, and forks
a worker for each request.  For each model type it first forks a *family server*, a server like itself that also imports
that type's code: a worker then finds everything imported, and its memory does not depend on which other models were
measured before it.  Where forking is not possible, the process answers one request itself and exits.

Standard library only: it may run in a different environment from the notebook's.
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

from hfbench_nb.protocol import messages
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.worker import pages
from hfbench_nb.worker.answering import answer, describe_failure, import_model_code
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.backends.base import Backend
from hfbench_nb.worker.child import adopt_orphans, become_child, kill_children, kill_group
from hfbench_nb.worker.heap import release_free_memory

_READ_BYTES = 1 << 16


def serve(options: dict[str, Any]) -> None:
    """Serve requests until the notebook process ends; `options` are those that `launch.command` writes."""
    # Messages use the original standard output; whatever the framework prints goes to the log.
    replies = os.dup(1)
    os.dup2(2, 1)
    try:
        start = time.perf_counter()
        backend = load_backend(options["backend"])
        for task in TASKS:
            resolve(task.workload)  # imported before the first fork, so that no worker has to
    except BaseException as error:  # a library may raise SystemExit, or a kind of its own
        messages.write(replies, {"event": "failed", "failure": describe_failure(error)})
        return
    messages.write(replies, {"event": "ready", "import_s": time.perf_counter() - start})
    if options["fork"]:
        watched = _open_pidfd(options["client_pid"])
        ForkServer(backend, 0, replies, watched, options["idle_s"]).serve()
        return
    request = messages.decode(sys.stdin.buffer.readline())
    if request is not None:
        if request.get("family") is not None:
            import_model_code(backend, request["family"])
        answer(backend, request, replies)


class ForkServer:
    """Forks a worker for each request, one at a time, and reports when it has ended.

    Parameters
    ----------
    backend
        The imported framework.
    requests, replies
        File descriptors for messages from and to the notebook.
    client
        A pidfd that becomes readable when the notebook's process ends, or None.
    idle_s
        Seconds without work after which the server exits; None for never.
    family
        The model type whose code is imported; None for the first server, which serves every other request.
    on_idle
        Called when a request is done: a family server notifies the first server.
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
        self._family_server: _FamilyServer | None = None
        self._pages = pages.resident_file_pages()
        # `select` cannot wait for a signal, but it can wait for the byte that a signal writes to this socket.
        self._deaths, self._wakeup = socket.socketpair()
        self._deaths.setblocking(False)
        self._wakeup.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        # Objects that exist now never become garbage: the collector must not touch their pages, which children share.
        gc.collect()
        gc.freeze()
        adopt_orphans()

    def serve(self) -> None:
        """Answer requests until the other end is closed or idle for too long; leave no process behind."""
        reader = messages.MessageReader()
        try:
            while True:
                ready = self._wait()
                if not ready or self._client in ready:
                    return
                if self._deaths.fileno() in ready:
                    self._deaths.recv(_READ_BYTES)
                    self._reap()
                if self._family_server is not None and self._family_server.line.fileno() in ready:
                    self._family_server.busy = not self._family_server.line.recv(_READ_BYTES)
                if self._requests in ready:
                    data = os.read(self._requests, _READ_BYTES)
                    if not data:
                        return
                    for request in reader.feed(data):
                        self._handle(request)
        finally:
            self._kill_child()
            self._drop_family_server()
            self._kill_strays()

    def _wait(self) -> list[int]:
        waited = [self._requests, self._deaths.fileno()]
        if self._client is not None:
            waited.append(self._client)
        if self._family_server is not None:
            waited.append(self._family_server.line.fileno())
        busy = self._child is not None or (self._family_server is not None and self._family_server.busy)
        return select.select(waited, [], [], None if busy else self._idle_s)[0]

    def _handle(self, request: dict[str, Any]) -> None:
        if request["do"] == "kill":
            self._kill_child()
            if self._family_server is not None and self._family_server.busy:
                self._family_server.line.sendall(messages.encode(request))
        elif request.get("family") not in (None, self._family):
            server = self._family_server_for(request["family"])
            server.busy = True
            server.line.sendall(messages.encode(request))
        else:
            self._fork_child(request)
        if messages.pop_code(request):
            release_free_memory()  # a large function must not add to the baseline of what comes next

    def _fork_child(self, request: dict[str, Any]) -> None:
        server = os.getpid()
        self._child = os.fork()
        if self._child:
            return

        def body() -> None:
            become_child(server, self._pages)
            answer(self._backend, request, self._replies)

        self._run_forked(body)

    def _family_server_for(self, family: str) -> _FamilyServer:
        """Return the server of a model type; models are measured one after the other, so one server is enough."""
        if self._family_server is not None and self._family_server.family != family:
            self._drop_family_server()
        if self._family_server is None:
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if not pid:
                ours.close()
                self._run_forked(lambda: self._serve_family(family, theirs))
            theirs.close()
            self._family_server = _FamilyServer(family, pid, ours)
        return self._family_server

    def _serve_family(self, family: str, line: socket.socket) -> None:
        pages.touch(self._pages)
        import_model_code(self._backend, family)
        ForkServer(
            self._backend, line.fileno(), self._replies, self._client, None, family, lambda: line.sendall(b"-")
        ).serve()

    def _run_forked(self, body: Callable[[], None]) -> None:
        """Run the body of a forked process; never return into the code of its parent."""
        code = 1
        try:
            try:
                # Requests arrive on standard input: nothing else may read from it.
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
        finally:  # even if the worker has closed its standard output
            os._exit(code)

    def _reap(self) -> None:
        """Reap the processes that have ended, and kill those that they left behind."""
        if self._child is not None and os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            kill_group(self._child)
            status = os.waitpid(self._child, 0)[1]
            self._child = None
            self._kill_strays()
            self._on_idle()  # first: the notebook's next request may overtake this message
            self._tell_exit(status)
        if self._family_server is not None:
            pid, status = os.waitpid(self._family_server.pid, os.WNOHANG)
            if pid:
                gone, self._family_server = self._family_server, None
                gone.line.close()
                self._kill_strays()
                if gone.busy:
                    self._tell_exit(status)

    def _tell_exit(self, status: int) -> None:
        try:
            messages.write(self._replies, {"event": "exit", "code": os.waitstatus_to_exitcode(status)})
        except OSError:
            pass  # the notebook is gone; the end of the requests will be read next

    def _kill_child(self) -> None:
        if self._child is not None:
            os.kill(self._child, signal.SIGKILL)
            kill_group(self._child)

    def _kill_strays(self) -> None:
        """Kill processes that a worker started outside its process group: they are now children of this process."""
        kill_children(spared=set() if self._family_server is None else {self._family_server.pid})

    def _drop_family_server(self) -> None:
        """Close the connection to the family server, which makes it exit, and wait until it has."""
        if self._family_server is not None:
            self._family_server.line.close()
            os.waitpid(self._family_server.pid, 0)
            self._family_server = None


class _FamilyServer:
    def __init__(self, family: str, pid: int, line: socket.socket) -> None:
        self.family = family
        self.pid = pid
        self.line = line
        self.busy = False


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None  # the end of the requests suffices, unless the notebook left forked children behind
