"""What a measurement says beside its metrics: what the model consists of, and what measuring took.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class ModelFacts:
    """What a model consists of.

    Attributes
    ----------
    model_class
        Name of its class.
    parameters
        Number of its parameters, before they are quantized.
    buffer_bytes
        Size of the buffers that a checkpoint stores, bytes.
    non_persistent_buffer_bytes
        Size of the buffers that no checkpoint stores, bytes.
    weights_bytes
        Size of the parameters and of the buffers that a checkpoint stores, bytes, if that was added up: where building
        also loads other things, such as a library.  None where the weights are what building has added.
    """

    model_class: str
    parameters: int
    buffer_bytes: int = 0
    non_persistent_buffer_bytes: int = 0
    weights_bytes: int | None = None


@dataclass(frozen=True)
class Costs:
    """What measuring a case took.

    Attributes
    ----------
    start_s
        From the request until its worker began, seconds.
    open_s
        Setting up the framework and the device, seconds.
    build_s
        Building the model, seconds; 0 in a worker that was forked with a model that another one had.
    calls, calls_s
        How many passes were made in total, and how long they took, seconds.
    """

    start_s: float = 0.0
    open_s: float = 0.0
    build_s: float = 0.0
    calls: int = 0
    calls_s: float = 0.0

    @property
    def before_calls_s(self) -> float:
        """What was needed before the first pass, seconds."""
        return self.start_s + self.open_s + self.build_s

    @classmethod
    def total(cls, each: Iterable[Costs]) -> Costs:
        """Return the sum over several rounds."""
        return cls(*map(sum, zip(*map(astuple, each), strict=True)))
