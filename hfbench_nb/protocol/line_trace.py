"""A line-by-line memory trace as compact data.  Standard library only: the worker creates it."""

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
        Line number, starting at 1.
    event
        What the interpreter reported: ``line``, ``call``, ``return``, ``exception`` or ``opcode``.
    text
        The source line, without its line end.
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
        The distinct lines that were reached.
    steps
        Index into `places` for each step, shape ``(n,)``, in execution order.
    cpu_start_bytes
        Resident memory of the process before the first step, bytes.
    cpu_change_bytes
        What each step added to it, bytes, shape ``(n,)``; negative where memory was released.
    gpu_start_bytes, gpu_change_bytes
        The same for GPU memory; shape ``(0,)`` where it was not read.
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
        """Return the trace as plain JSON data."""
        return {name: value if isinstance(value, int) else list(value) for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LineTrace:
        """Make a trace from the output of `to_dict`.

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
            raise ValueError("there must be as many memory changes as steps")
        indices = (
            (self.steps, self.places),
            ([place.file for place in self.places], self.files),
            ([place.module for place in self.places], self.modules),
        )
        for used, table in indices:
            if used and not 0 <= min(used) <= max(used) < len(table):
                raise ValueError("a step or a place refers to an entry that does not exist")
