"""The interface between a worker and a framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.worker.clock import Stopwatch
from hfbench_nb.worker.memory import Meter


@dataclass(frozen=True)
class Built:
    """A model that was built.

    Attributes
    ----------
    model
        The model, on the device.
    unsaved_bytes
        Size of the buffers that no checkpoint stores, bytes.
    baseline_bytes
        Memory before the weights existed, bytes, where the framework can distinguish its own records of a model from
        the weights; None where the memory before building is the baseline.
    details
        What is worth showing of it.
    note
        What a reader of the metrics should know of it.
    """

    model: Any
    unsaved_bytes: int = 0
    baseline_bytes: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class CallInputs:
    """What a model is called with.

    Attributes
    ----------
    tensors
        Arguments of the forward pass by name, inputs and labels, as the framework's own tensors.
    note
        What a reader of the metrics should know of them.
    details
        Shapes of the inputs, and what training minimises.
    """

    tensors: dict[str, Any]
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class Runtime(Protocol):
    """A framework set up on one device, in a worker.

    Attributes
    ----------
    meter
        Reads the memory of this process on the device.
    stopwatch
        Times calls on the device.
    resolved
        The axes that the settings leave to the framework, as it resolved them: device, number of threads ...
    details
        What else is worth showing; complete once `close` was called.
    compiles
        Whether the first call compiles what the later ones run.
    """

    meter: Meter
    stopwatch: Stopwatch
    resolved: Settings
    details: dict[str, Any]
    compiles: bool

    def build(self, spec: ModelSpec, kind: str, *, training: bool) -> Built:
        """Build a model from its configuration, with random weights, on the device.

        Parameters
        ----------
        spec
            The model.
        kind
            Kind of its class, a key of `hfbench_nb.protocol.model_kinds.CLASS_MAPPINGS`.
        training
            Whether it is put into training mode.
        """
        ...

    def make_inputs(self, model: Any, case: Case, *, labels: bool) -> CallInputs:
        """Make random inputs of the case's sizes that fit the model and, if asked for, labels that fit its head."""
        ...

    def inference_call(self, model: Any, inputs: CallInputs) -> Callable[[], object]:
        """Return a function that runs one forward pass without gradients."""
        ...

    def training_call(self, model: Any, inputs: CallInputs) -> Callable[[], object]:
        """Return a function that clears the gradients and runs one forward and one backward pass."""
        ...

    def forget_passes(self, model: Any) -> None:
        """Drop what earlier passes have left with the model, such as gradients."""
        ...

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Return whether an error means that there was not enough memory."""
        ...

    def close(self) -> None:
        """Undo what setting up has changed in this process."""
        ...


class Backend(Protocol):
    """A framework that is imported but has touched no device and started no thread."""

    def import_model_code(self, family: str) -> None:
        """Import the code of a model type, if there is one of that name."""
        ...

    def device_count(self) -> int:
        """Return the number of accelerators that the framework sees in this process."""
        ...

    def open(self, settings: Settings, method: Method) -> Runtime:
        """Set up the framework on the device and with the axes that the settings name.

        Raises
        ------
        DeviceNotFoundError
            If the device does not exist.
        """
        ...

    def environment(self, settings: Settings, method: Method) -> dict[str, Any]:
        """Describe framework and device, under the keys of the original where it has one."""
        ...


class DeviceNotFoundError(RuntimeError):
    """The requested device does not exist."""
