"""The worker server: a process that has imported a framework and forks a separate worker for each request.

It touches no device and starts no thread pool.  For each model type it first forks a *family server*, a server like
itself that also imports that type's code: a worker then finds everything imported, and its memory does not depend on
what was measured before.  For a model that several cases share, that server forks one more, which builds it and forks
their workers, the next one while the last one exits, so that the fork costs little time.

Standard library only: it may run in a different environment from the notebook's.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from hfbench_nb.protocol import messages
from hfbench_nb.worker import pages
from hfbench_nb.worker.backends.base import Backend
from hfbench_nb.worker.child import adopt_orphans, become_child, kill_children, kill_group
from hfbench_nb.worker.further import DONE, READY, REFUSED, FurtherServer, Place, place_of
from hfbench_nb.worker.handling import build_or_none, handle, import_model_code
from hfbench_nb.worker.heap import release_free_memory, settle_objects
from hfbench_nb.worker.shared_build import SharedBuild
from hfbench_nb.worker.standby import Standby

_READ_BYTES = 1 << 16

# What a worker writes in place of the number of a signal: it has replied, and exits.
_EXITS = b"\0"


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
    place
        What this server has prepared: nothing (the first server), the code of a model type, or also a model.
    shared
        The model, for the workers of a server that has built one.
    on_idle
        Called when a request is done: a further server notifies the one before.
    """

    def __init__(
        self,
        backend: Backend,
        requests: int,
        replies: int,
        client: int | None,
        idle_s: float | None,
        place: Place = (),
        shared: SharedBuild | None = None,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._backend = backend
        self._requests = requests
        self._replies = replies
        self._client = client
        self._idle_s = idle_s
        self._place = place
        self._shared = shared
        self._on_idle = on_idle
        self._child: int | None = None
        self._standby: Standby | None = None
        self._further: FurtherServer | None = None
        self._refused: set[str] = set()
        self._pages = pages.resident_file_pages()
        # `select` cannot wait for a signal, but for the byte that it, or a worker that exits, writes to this socket.
        self._deaths, self._wakeup = socket.socketpair()
        self._deaths.setblocking(False)
        self._wakeup.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        settle_objects()
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
                    if _EXITS in self._deaths.recv(_READ_BYTES):
                        self._fork_standby()
                    self._reap()
                if self._further is not None and self._further.line.fileno() in ready:
                    self._listen(self._further)
                if self._requests in ready:
                    data = os.read(self._requests, _READ_BYTES)
                    if not data:
                        return
                    for request in reader.feed(data):
                        self._handle(request)
        finally:
            self._kill_child()
            self._child = None  # no longer spared: it is waited for like a stray
            self._drop_further()
            if self._standby is not None:
                self._standby.drop()
            self._kill_strays()

    def _wait(self) -> list[int]:
        waited = [self._requests, self._deaths.fileno(), *([] if self._client is None else [self._client])]
        if self._further is not None and self._further.is_open:
            waited.append(self._further.line.fileno())
        busy = self._child is not None or (self._further is not None and self._further.pending is not None)
        return select.select(waited, [], [], None if busy else self._idle_s)[0]

    def _handle(self, request: dict[str, Any]) -> None:
        if request["do"] == "kill":
            self._kill_child()
            if self._further is not None:
                self._further.kill(request)
        elif request["do"] == "release":
            self._release(request)
        elif len(place := place_of(request)) > len(self._place) and place[-1] not in self._refused:
            self._further_for(place[: len(self._place) + 1], request).ask(request)
        else:
            self._fork_child(request)
        if messages.pop_code(request):
            release_free_memory()  # a large function must not add to the baseline of what comes next

    def _release(self, request: dict[str, Any]) -> None:
        """Drop a model, unless another run uses it or one of its own just now."""
        if self._further is not None and not self._place:
            self._further.send(request)
        elif self._further is not None and self._further.pending is None:
            self._drop_further()

    def _listen(self, further: FurtherServer) -> None:
        """Read what a further server says: that a request is done, or that it cannot prepare what it should."""
        for said in further.hear():
            if said == DONE:
                further.pending = None
                self._on_idle()
            elif said == REFUSED:
                self._serve_instead(further)

    def _serve_instead(self, further: FurtherServer) -> None:
        """Let a worker do by itself what a further server could not prepare."""
        self._refused.add(further.place[-1])
        request = further.pending
        self._drop_further()
        if request is not None:
            self._fork_child(request)

    def _fork_child(self, request: dict[str, Any]) -> None:
        if self._place:
            self._drop_further()  # a model that is not needed now
        standby, self._standby = self._standby, None
        if standby is not None and standby.hand_over(request):
            self._child = standby.pid
        else:
            self._child = self._fork_worker(lambda: request)

    def _fork_standby(self) -> None:
        """Fork the worker of the model's next case, if there is one, while that of the last exits."""
        if self._shared is not None and self._shared.cases_left > 0 and self._standby is None:
            with contextlib.suppress(OSError):  # no room for another process yet: it is forked when it is needed
                self._standby = Standby.fork(self._fork_worker)

    def _fork_worker(self, request: Callable[[], dict[str, Any]]) -> int:
        server = os.getpid()

        def body() -> None:
            become_child(server, self._pages)
            handle(self._backend, request(), self._replies, self._shared)
            with contextlib.suppress(OSError):  # what was measured may have closed it
                self._wakeup.send(_EXITS)

        pid = os.fork()
        if not pid:
            self._run_forked(body)
        if self._shared is not None:
            self._shared.count_worker()
        return pid

    def _further_for(self, place: Place, request: dict[str, Any]) -> FurtherServer:
        """Return the server of a place; cases of a place are measured one after the other, so one server is enough."""
        if self._further is not None and self._further.place != place:
            self._drop_further()
        if self._further is None:
            ours, theirs = socket.socketpair()
            server = os.getpid()
            pid = os.fork()
            if not pid:
                ours.close()
                self._run_forked(lambda: self._serve_further(place, theirs, server, request))
            theirs.close()
            self._further = FurtherServer(place, pid, ours)
        return self._further

    def _serve_further(self, place: Place, line: socket.socket, server: int, request: dict[str, Any]) -> None:
        self._wakeup.close()
        shared = None
        if len(place) == 1:
            pages.touch(self._pages)
            import_model_code(self._backend, place[0])
            line.sendall(READY)
        else:
            become_child(server, self._pages)  # it is as large as a worker, and can be killed like one
            shared = build_or_none(self._backend, request, self._replies)
            line.sendall(REFUSED if shared is None else READY)
            if shared is None:
                return
        ForkServer(
            self._backend, line.fileno(), self._replies, self._client, None, place, shared, lambda: line.sendall(DONE)
        ).serve()

    def _run_forked(self, body: Callable[[], None]) -> NoReturn:
        """Run the body of a forked process; never return into the code of its parent."""
        code = 1
        try:
            try:
                # Requests arrive on standard input: nothing else may read from it.
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                self._deaths.close()
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
        if self._standby is not None and self._standby.has_ended():
            self._standby = None
        if self._child is not None and os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            kill_group(self._child)
            status = os.waitpid(self._child, 0)[1]
            self._child = None
            self._kill_strays()
            self._on_idle()  # first: the notebook's next request may overtake this message
            self._tell_exit(status)
        if self._further is not None:
            pid, status = os.waitpid(self._further.pid, os.WNOHANG)
            if pid:
                gone, self._further = self._further, None
                said = gone.hear()
                gone.line.close()
                self._kill_strays()
                if gone.pending is not None and (gone.failed_to_prepare or REFUSED in said):
                    self._refused.add(gone.place[-1])
                    self._fork_child(gone.pending)
                elif gone.pending is not None:
                    self._on_idle()
                    if DONE not in said:
                        self._tell_exit(status)

    def _tell_exit(self, status: int) -> None:
        with contextlib.suppress(OSError):  # the notebook is gone; the end of the requests will be read next
            messages.write(self._replies, {"event": "exit", "code": os.waitstatus_to_exitcode(status)})

    def _kill_child(self) -> None:
        if self._child is not None:
            os.kill(self._child, signal.SIGKILL)
            kill_group(self._child)

    def _kill_strays(self) -> None:
        """Kill processes that a worker started outside its process group: they are now children of this process."""
        others = [other.pid for other in (self._standby, self._further) if other is not None]
        kill_children(spared={*others, *([] if self._child is None else [self._child])})

    def _drop_further(self) -> None:
        """Let the further server exit, and wait until it has."""
        if self._further is not None:
            self._further.drop()
            self._further = None
