"""What a call computes and moves, counted in a call of its own.  Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.peaks import Peaks
from hfbench_nb.worker.backends.base import CallInputs


@dataclass(frozen=True)
class Count:
    """What a call, or a phase of it, computes and moves.

    Attributes
    ----------
    flops
        Floating-point operations of matrix products, convolutions and attention; a multiplication and an addition are
        two.  What is computed element by element is left out, as usual: it is small beside them, or limited by memory.
    parameter_bytes
        Size of the parameters that it reads, each once; of an embedding, the rows.
    moved_bytes
        Size of what each of its operations reads and writes, parameters included.
    """

    flops: int
    parameter_bytes: int
    moved_bytes: int

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of a whole call."""
        return {
            "flops": self.flops,
            "parameters_read_mb": self.parameter_bytes / MEGABYTE,
            "moved_mb": self.moved_bytes / MEGABYTE,
        }


NextPhase = Callable[[], None]

PhasedCall = Callable[[NextPhase], object]
"""Makes a call, and calls the function that it is given where a phase ends and the next one begins."""


@runtime_checkable
class CountingRuntime(Protocol):
    """A runtime that can count what a call computes and moves."""

    def count(
        self,
        call: PhasedCall,
        call_of: Callable[[Any, CallInputs], PhasedCall],
        model: Any,
        inputs: CallInputs,
    ) -> list[Count]:
        """Count a call of a model: without computing it, where the model allows that.

        Parameters
        ----------
        call
            The call that is measured.
        call_of
            Returns the same call of a copy of the model and of its inputs.
        model, inputs
            The model and the inputs that are measured.

        Returns
        -------
        list of Count
            One per phase that has begun.
        """
        ...


@runtime_checkable
class PeaksRuntime(Protocol):
    """A runtime that can measure what its device can do at most."""

    def peaks(self) -> Peaks:
        """Measure products of matrices, and copies and readings of memory, with data type and threads of the case."""
        ...


def added(counts: list[Count]) -> Count:
    """Return what the phases of a call compute and move together; parameters count as often as they are read."""
    return Count(
        sum(each.flops for each in counts),
        sum(each.parameter_bytes for each in counts),
        sum(each.moved_bytes for each in counts),
    )


def continued(steps: list[Count], number: int) -> list[Count]:
    """Return so many steps, of which the first were counted: from one to the next, each amount changes evenly."""
    if len(steps) < 2:
        return steps * number
    first, second = steps[:2]

    def at(step: int, name: str) -> int:
        start: int = getattr(first, name)
        growth: int = getattr(second, name) - start
        return start + step * growth

    return [Count(at(step, "flops"), at(step, "parameter_bytes"), at(step, "moved_bytes")) for step in range(number)]


Counted = Callable[[], Mapping[str, float]]
"""Counts what a call computes and moves, and returns the metrics of that."""
