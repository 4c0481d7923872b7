"""A worker that was forked before its request is known, and waits for it.  Standard library only."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from hfbench_nb.protocol import messages


class Standby:
    """A waiting worker, as seen from the server that has forked it.

    Parameters
    ----------
    pid
        Its process.
    line
        The connection to it.
    """

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self._line = line

    @classmethod
    def fork(cls, fork_worker: Callable[[Callable[[], dict[str, Any]]], int]) -> Standby:
        """Fork a worker that waits for its request; `fork_worker` is given the function that waits.

        Raises
        ------
        OSError
            If the system allows no further process or connection.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                pid = fork_worker(lambda: _receive(theirs, ours))
            except OSError:
                ours.close()
                raise
        return cls(pid, ours)

    def hand_over(self, request: dict[str, Any]) -> bool:
        """Send its request; return whether it was still there to take it."""
        try:
            with self._line:
                self._line.sendall(messages.encode(request))
        except OSError:
            os.waitpid(self.pid, 0)
            return False
        return True

    def has_ended(self) -> bool:
        """Return whether it has ended without a request, and reap it."""
        has_ended = bool(os.waitpid(self.pid, os.WNOHANG)[0])
        if has_ended:
            self._line.close()
        return has_ended

    def drop(self) -> None:
        """End it, and wait until it has."""
        self._line.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _receive(line: socket.socket, other_end: socket.socket) -> dict[str, Any]:
    """Wait for the request, in the process that stands by; end it if there will be none."""
    other_end.close()
    with line, line.makefile("rb") as lines:
        request = messages.decode(lines.readline())
    if request is None:
        os._exit(0)
    return request
