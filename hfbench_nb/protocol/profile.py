"""Where the time of a call goes, as compact data.  Standard library only: the worker creates it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hfbench_nb.protocol.decoding import make

EMBEDDINGS, ATTENTION, MIXING, FEED_FORWARD = "embeddings", "attention", "mixing", "feed-forward"
NORMS, HEAD, OPTIMIZER, OTHER, IDLE = "norms", "head", "optimizer", "other", "idle"

GROUPS = {
    EMBEDDINGS: "what comes before the layers: embeddings, positions, patches, front ends of sound",
    ATTENTION: "attention, with its projections",
    MIXING: "convolutions, state spaces and Fourier transforms, with their projections",
    FEED_FORWARD: "the other linear layers and activations of the layers, experts too",
    NORMS: "layer, RMS, batch and group norms, wherever they are",
    HEAD: "what comes after the layers: vocabulary, labels, the loss",
    OPTIMIZER: "the optimizer's step",
    OTHER: "what belongs to none of these: masks, residuals, the loop around the model",
    IDLE: "the device waits for the host",
}
"""Groups of modules, in the order in which they are shown, and what belongs to each."""

PYTHON = "(Python)"
"""In place of an operator: time between operators, in the code that calls them."""
WAITING = "(waiting)"
"""In place of an operator: time in which the device had nothing to do."""


class Operator(NamedTuple):
    """What an operator took in one group of modules.

    Attributes
    ----------
    name
        Its name, those of PyTorch's own without their namespace.
    group
        One of `GROUPS`.
    calls
        How often it ran.
    self_s
        Time of its own, without that of the operators that it calls, seconds.
    memory_bytes
        What it allocated itself, less what it released.
    """

    name: str
    group: str
    calls: int
    self_s: float
    memory_bytes: int


@dataclass(frozen=True)
class Profile:
    """Where the time of one traced call went: the parts add up to the call.

    Attributes
    ----------
    traced_s
        Duration of the traced call, seconds: longer than one that is not traced; on a device, which a trace does not
        slow down, without what the trace adds on the host.
    operators
        What each operator took in each group of modules.
    modules
        Which classes of modules are in a group, as in ``BertAttention (12)``.
    note
        What a reader should know; empty if nothing.
    trace
        Path of the trace; empty where there is none.  In a journal, the name of the file beside it.
    """

    traced_s: float
    operators: tuple[Operator, ...] = ()
    modules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    note: str = ""
    trace: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as plain JSON data."""
        return {**vars(self), "operators": [list(each) for each in self.operators]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Profile:
        """Make a profile of what `to_dict` returned.

        Raises
        ------
        ValueError
            If `data` is not of that form.
        """
        return make(cls, data)

    def with_trace(self, trace: str, note: str = "") -> Profile:
        """Return the profile with its trace in another place, and perhaps a further note."""
        return dataclasses.replace(self, trace=trace, note="; ".join(filter(None, [self.note, note])))

    def check(self) -> None:
        """Raise a `ValueError` if there is no such group, or something took less than nothing."""
        unknown = {each.group for each in self.operators} - GROUPS.keys()
        if unknown:
            raise ValueError(f"unknown groups of modules: {', '.join(sorted(unknown))}")
        if self.traced_s < 0 or (self.operators and not self.traced_s):
            raise ValueError("the duration of the traced call must be more than that of nothing")
        if any(each.self_s < 0 or each.calls < 0 for each in self.operators):
            raise ValueError("durations and numbers of calls cannot be negative")
