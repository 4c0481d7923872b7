"""A further server, as seen from the worker server that has forked it.  Standard library only."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any, TypeAlias

from hfbench_nb.protocol import messages

Place: TypeAlias = tuple[str, ...]
"""What a server has prepared: nothing, the code of a model type, or that code and a model, each by its name."""

READY, DONE, REFUSED = b"+", b"-", b"!"
"""What a further server says: it is prepared, a request is done, or workers cannot share its model."""


def place_of(request: dict[str, Any]) -> Place:
    """Return the place in which a request is served; for another backend nothing is prepared, or dropped."""
    family, build = request.get("family"), request.get("build")
    return () if family is None or request.get("backend") else (family,) if build is None else (family, build["key"])


class FurtherServer:
    """A server for a model type, or for a model.

    Parameters
    ----------
    place
        What it prepares.
    pid
        Its process.
    line
        The connection to it.

    Attributes
    ----------
    pending
        The request that it has been asked last, while that is not done.
    is_open
        Whether it has not closed the connection.
    """

    def __init__(self, place: Place, pid: int, line: socket.socket) -> None:
        self.place = place
        self.pid = pid
        self.line = line
        self.pending: dict[str, Any] | None = None
        self.is_open = True
        self._asked = 0
        self._is_prepared = False
        self._was_killed = False

    def ask(self, request: dict[str, Any]) -> None:
        """Send a request."""
        self.pending = request
        self._asked += 1
        self.send(request)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; if the server is gone, its end is noticed otherwise."""
        try:
            self.line.sendall(messages.encode(message))
        except OSError:
            pass

    def hear(self) -> list[bytes]:
        """Return what it has said; that a request is done counts only for the last one."""
        self.line.setblocking(False)
        try:
            data = self.line.recv(1 << 16)
            self.is_open = bool(data)
        except BlockingIOError:
            data = b""
        except OSError:
            data, self.is_open = b"", False
        finally:
            self.line.setblocking(True)
        heard = []
        for i in range(len(data)):
            said = data[i : i + 1]
            self._is_prepared |= said == READY
            if said == DONE:
                self._asked -= 1
                if self._asked:
                    continue  # of a request before: the notebook's next one has overtaken this message
            heard.append(said)
        return heard

    def kill(self, request: dict[str, Any]) -> None:
        """Stop its worker or, while it prepares something, itself."""
        if self._is_prepared:
            self.send(request)
        else:
            self._was_killed = True
            os.kill(self.pid, signal.SIGKILL)

    @property
    def failed_to_prepare(self) -> bool:
        """Whether it has ended by itself while it built a model: a worker may manage alone."""
        return len(self.place) > 1 and not self._is_prepared and not self._was_killed

    def drop(self) -> None:
        """Close the connection, which makes it exit, and wait until it has; kill it if it still prepares something."""
        self.hear()
        if not self._is_prepared:
            os.kill(self.pid, signal.SIGKILL)
        self.line.close()
        os.waitpid(self.pid, 0)
