"""The messages between the notebook and the worker processes: one JSON object per line.

=============  ========================================================================================================
from notebook  ``{"do": "measure", "family", "workload", "case", "method", "backend", "build", "model" | "function"}``,
               ``{"do": "environment", "settings", "method", "family"}``, ``{"do": "peaks", "settings", "method"}``,
               ``{"do": "kill"}``, ``{"do": "release"}``
to notebook    ``{"event": "ready" | "failed", ...}`` once, then for each request ``started``, ``progress`` (any
               number), ``reply`` (with the measurement, what was ``told``, or the ``failure``), and ``exit`` when the
               worker is gone
=============  ========================================================================================================

Standard library only: both ends import it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from hfbench_nb.protocol.decoding import parse_json


def encode(message: dict[str, Any]) -> bytes:
    """Return a message as a line of bytes."""
    return json.dumps(message, separators=(",", ":")).encode("utf-8") + b"\n"


def decode(line: bytes) -> dict[str, Any] | None:
    """Return the message in a line, or None if there is none: truncated as its writer died, or written by others."""
    try:
        message = parse_json(line.decode("utf-8"))
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def pop_code(request: dict[str, Any]) -> bool:
    """Drop the user's own code, which may be large, from a request; return whether there was any."""
    function, code = request.pop("function", None), request.get("model", {}).pop("code", None)
    return function is not None or code is not None


class MessageReader:
    """Splits a stream of bytes into messages of any size; lines that are not messages are skipped."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take the next bytes of the stream; return the messages that are now complete."""
        *ends, rest = data.split(b"\n")
        messages = []
        for end in ends:
            messages.append(decode(b"".join([*self._begun, end])))
            self._begun.clear()
        self._begun.append(rest)
        return [message for message in messages if message is not None]


def write(fd: int, message: dict[str, Any]) -> None:
    """Write a complete message to a file descriptor.

    Raises
    ------
    OSError
        If the other end is gone.
    """
    # A line feed first: the previous line may have been truncated when its writer was killed.
    data = memoryview(b"\n" + encode(message))
    while data:
        data = data[os.write(fd, data) :]
