"""What a framework may offer for training, in addition to a forward and a backward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from hfbench_nb.worker.backends.base import Built


@runtime_checkable
class TrainingStepCall(Protocol):
    """A call of `Runtime.training_call` that tells its phases apart, and knows what its tensors take."""

    def __call__(self) -> object:
        """Make a step."""
        ...

    def watched(self, next_phase: Callable[[], None]) -> object:
        """Make a step, and call `next_phase` where a phase ends and another begins; not recorded but as the first."""
        ...

    def durations_s(self, calls: int) -> Mapping[str, Sequence[float]]:
        """Return how long the phases of the last calls took, seconds, by phase; empty where that is not known."""
        ...

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases of a call, in their order; of those that occur several times, the last needs most memory."""
        ...

    @property
    def gradients_bytes(self) -> int:
        """Size of the gradients after a call, bytes."""
        ...

    @property
    def optimizer_bytes(self) -> int:
        """Size of the optimizer's state, bytes."""
        ...

    @property
    def details(self) -> dict[str, Any]:
        """What else is worth showing."""
        ...


@runtime_checkable
class PreparingRuntime(Protocol):
    """A runtime of a framework whose training needs more than the framework and the model."""

    def prepare_training(self) -> Callable[[Built], Built] | None:
        """Import the libraries that the settings need, which is done before the model is built.

        Returns
        -------
        Callable or None
            Adds to a model what is trained in place of its weights; None if the settings do not ask for that.
        """
        ...
