"""The messages between the notebook and the processes that measure: one JSON object a line.

=============  ==========================================================================================
from notebook  ``{"do": "cell", "family", "cell", "model", "settings"}``,
               ``{"do": "function", "pickled", "folder", "settings"}``,
               ``{"do": "environment", "settings"}``, ``{"do": "kill"}``
to notebook    ``{"event": "ready" | "failed", ...}`` once, then for each request ``started``, ``progress`` (any
               number), ``answer``, and ``exit`` when the process that answered is gone
=============  ==========================================================================================

Standard library only: both ends import it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from hfbench_nb.protocol.decoding import parse_json


def encode(message: dict[str, Any]) -> bytes:
    """Give a message as a line."""
    return json.dumps(message, separators=(",", ":")).encode("utf-8") + b"\n"


def decode(line: bytes) -> dict[str, Any] | None:
    """Give the message of a line, or None if it is none: torn by the end of its writer, or written by someone else."""
    try:
        message = parse_json(line.decode("utf-8"))
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


class MessageReader:
    """Cuts a stream of bytes into messages, whatever their size; lines that are none are left out."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take the next bytes of the stream; give the messages that are whole now."""
        *ends, rest = data.split(b"\n")
        messages = []
        for end in ends:
            messages.append(decode(b"".join([*self._begun, end])))
            self._begun.clear()
        self._begun.append(rest)
        return [message for message in messages if message is not None]


def write(fd: int, message: dict[str, Any]) -> None:
    """Write a message to a file descriptor, whole.

    Raises
    ------
    OSError
        If the other end is gone.
    """
    # A line feed first: the line before may have been torn when its writer was killed.
    data = memoryview(b"\n" + encode(message))
    while data:
        data = data[os.write(fd, data) :]
