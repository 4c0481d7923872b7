"""What the measuring process asks of a framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from hfbench_nb.protocol.records import Cell, ModelSpec, Settings
from hfbench_nb.worker.clock import Stopwatch
from hfbench_nb.worker.memory import Meter


class Runtime(Protocol):
    """A framework set up on one device, in a process that measures.

    Attributes
    ----------
    meter
        Reads the memory of this process on the device.
    stopwatch
        Times calls on the device.
    details
        What is worth knowing of the measurement; grows while it goes on.
    compiles
        Whether the first call compiles what the later ones run.
    """

    meter: Meter
    stopwatch: Stopwatch
    details: dict[str, Any]
    compiles: bool

    def build(self, spec: ModelSpec, task: str, before_weights: Callable[[], None]) -> Any:
        """Build the model from its configuration, with random weights, on the device.

        Where what the framework notes of a model is much, and can be told apart from the weights, `before_weights` is
        called in between: after the former and before the memory of the latter is taken.
        """
        ...

    def make_call(self, model: Any, cell: Cell) -> Callable[[], object]:
        """Make the inputs, and give the function that is measured: one pass of the cell's task."""
        ...

    def forget_passes(self, model: Any) -> None:
        """Let go of what earlier passes have left with the model, such as gradients."""
        ...

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Tell whether an error means that the memory did not suffice."""
        ...

    def close(self) -> None:
        """Undo what setting up has changed in this process."""
        ...


class Backend(Protocol):
    """A framework that is imported but has touched no device and started no thread."""

    def import_model_code(self, family: str) -> None:
        """Import the code of a model type, if there is one of that name."""
        ...

    def open(self, settings: Settings) -> Runtime:
        """Set the framework up on the device that the settings name.

        Raises
        ------
        DeviceNotFoundError
            If the device is not there.
        """
        ...

    def environment(self, settings: Settings) -> dict[str, Any]:
        """Describe framework and device, under the keys of the original where it has one."""
        ...


class DeviceNotFoundError(RuntimeError):
    """The device that was asked for is not there."""
