"""A line-by-line memory trace as compact data.  Standard library only: the measuring process makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from hfbench_nb.protocol.decoding import make


class Place(NamedTuple):
    """A line of code in a trace, its names interned.

    Attributes
    ----------
    file, module
        Indices into `LineTrace.files` and `LineTrace.modules`.
    line
        Number of the line, from 1.
    event
        What the interpreter told: ``line``, ``call``, ``return``, ``exception`` or ``opcode``.
    text
        The line as it was written, without its end.
    """

    file: int
    module: int
    line: int
    event: str
    text: str


@dataclass(frozen=True)
class LineTrace:
    """The steps of a traced run and how memory changed during each.

    A step lasts from the event that begins it to the next traced event; the last one lasts to the end of the trace.

    Attributes
    ----------
    files, modules
        The names that `places` refer to.
    places
        The different lines that the run came to.
    steps
        Index into `places` for each step, shape ``(n,)``, in the order run.
    cpu_start_bytes
        Resident memory of the process before the first step.
    cpu_change_bytes
        What each step added to it, shape ``(n,)``; negative where memory was given back.
    gpu_start_bytes, gpu_change_bytes
        The same for GPU memory; shape ``(0,)`` where that was not read.
    """

    files: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    steps: tuple[int, ...] = ()
    cpu_start_bytes: int = 0
    cpu_change_bytes: tuple[int, ...] = ()
    gpu_start_bytes: int = 0
    gpu_change_bytes: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the trace as plain JSON data."""
        return {name: value if isinstance(value, int) else list(value) for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LineTrace:
        """Make a trace from what `to_dict` gave.

        Raises
        ------
        ValueError
            If `data` is not of that form.
        """
        return make(cls, data)

    def check(self) -> None:
        """Raise a `ValueError` if the steps do not fit together."""
        lengths = {len(self.cpu_change_bytes), len(self.gpu_change_bytes) or len(self.steps)}
        if lengths != {len(self.steps)}:
            raise ValueError("steps and changes of memory must be as many")
        indices = (
            (self.steps, self.places),
            ([place.file for place in self.places], self.files),
            ([place.module for place in self.places], self.modules),
        )
        for used, table in indices:
            if used and not 0 <= min(used) <= max(used) < len(table):
                raise ValueError("a step or a place refers to what is not there")
