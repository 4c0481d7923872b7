"""The interface between a worker and a framework."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.facts import ModelFacts
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
    facts
        What it consists of; None if that is not known.
    baseline_bytes
        Memory before the weights existed, bytes, where the framework can distinguish its own records of a model from
        the weights; None where the memory before building is the baseline.
    details
        What is worth showing of it.
    note
        What a reader of the metrics should know of it.
    """

    model: Any
    facts: ModelFacts | None = None
    baseline_bytes: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def unsaved_bytes(self) -> int:
        """Size of the buffers that no checkpoint stores, bytes."""
        return 0 if self.facts is None else self.facts.non_persistent_buffer_bytes

    @property
    def weights_bytes(self) -> int | None:
        """Size of the weights, bytes, where building loads more than them."""
        return None if self.facts is None else self.facts.weights_bytes


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
    loss
        The user's own function that returns what training minimises, called with the outputs; None for the model's own.
    """

    tensors: dict[str, Any]
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    loss: Callable[[Any], Any] | None = None


@dataclass
class Attempt:
    """What was being tried when an error was raised.

    Attributes
    ----------
    spec, case
        The model and the case.
    step
        ``building``, ``inputs`` or ``calling``.
    model
        The model, once it is built.
    given
        Names of the arguments of its forward pass that were made.
    is_own
        Whether a function of the user's makes the model: its errors are the user's own.
    """

    spec: ModelSpec
    case: Case
    step: str = "building"
    model: Any = None
    given: tuple[str, ...] = ()
    is_own: bool = False


class ModelError(RuntimeError):
    """The code of a model raised an error."""


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
    framework_version
        Version of the framework.
    details
        What else is worth showing; complete once `close` was called.
    compiles
        Whether the first call compiles what the later ones run.
    """

    meter: Meter
    stopwatch: Stopwatch
    resolved: Settings
    framework_version: str
    details: dict[str, Any]
    compiles: bool

    def build(self, spec: ModelSpec, kind: str, *, training: bool) -> Built:
        """Build a model from its configuration on the device, with random weights unless the settings say otherwise.

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

    def reference(self) -> Callable[[], object]:
        """Return a fixed piece of work of about two milliseconds, which has ended when the call returns.

        A matrix product and a copy of memory on the device, with the threads of the case: it is timed beside the
        samples, to tell what the machine did meanwhile.
        """
        ...

    def forget_passes(self, model: Any) -> None:
        """Drop what earlier passes have left with the model, such as gradients."""
        ...

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Return whether an error means that there was not enough memory."""
        ...

    def explain(self, error: Exception, attempt: Attempt) -> Exception:
        """Return what is reported instead of an error that was raised while a model was built or called.

        The error itself, if it already tells the user what to do.
        """
        ...

    def hear(self) -> AbstractContextManager[list[str]]:
        """Collect what the framework says, meanwhile, that a reader of the metrics should know."""
        ...

    def close(self) -> None:
        """Undo what setting up has changed in this process."""
        ...


class CodeRuntime(Runtime, Protocol):
    """A runtime of a framework that also measures models built by the user's own functions."""

    def adopt(self, make: Callable[[], object], *, training: bool) -> Built:
        """Put the model that a user's function returns on the device.

        Parameters
        ----------
        make
            Returns the model.
        training
            Whether it is put into training mode.
        """
        ...

    def take_inputs(self, make: Callable[[], object], model: Any) -> CallInputs:
        """Put the inputs that a user's function returns on the device; training then needs a loss."""
        ...


class GenerateCall(Protocol):
    """Generates text once, exactly as many new tokens as asked for."""

    def __call__(self, on_token: Callable[[], None]) -> None:
        """Generate; call `on_token` as soon as a new token of every sequence is on the host."""
        ...

    def watched(self, on_token: Callable[[], None]) -> None:
        """Do the same, and look at the cache at the end."""
        ...

    @property
    def cache_bytes(self) -> int | None:
        """Bytes of the cache's tensors at the end of the last call that was watched; None if there is no such cache."""
        ...


class GeneratingRuntime(Runtime, Protocol):
    """A runtime of a framework in which models generate text."""

    def make_prompt(self, model: Any, case: Case) -> CallInputs:
        """Make random prompts of the case's sizes, with what else the model needs to continue them."""
        ...

    def generate_call(self, model: Any, inputs: CallInputs, case: Case) -> GenerateCall:
        """Return a call that continues the prompts by as many tokens as the case says."""
        ...


class SharingRuntime(Runtime, Protocol):
    """A runtime of a framework whose processes can be forked once they have built a model."""

    def take_over(self, built: Built, resolved: Settings, *, training: bool) -> Built:
        """Use a model that the process from which this one was forked has built.

        Parameters
        ----------
        built
            The model.
        resolved
            What the framework made of the axes while it was built.
        training
            Whether it is put into training mode.
        """
        ...


class Backend(Protocol):
    """A framework that is imported but has touched no device and started no thread.

    One with a method ``prepare_forks()`` is told that this process will fork workers, before it does.
    """

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


class OwnCodeError(RuntimeError):
    """A function of the user's has failed, or has returned something that cannot be used."""


class DeviceNotFoundError(RuntimeError):
    """The requested device does not exist."""

    @classmethod
    def of(cls, device: str, found: str, accelerators: Sequence[str]) -> DeviceNotFoundError:
        """Return the error for a device, with what the framework finds instead, and those that can be used here."""
        names = ["auto", "cpu", *accelerators]
        allowed = f"{', '.join(map(repr, names[:-1]))} or {names[-1]!r}"
        return cls(f"device={device!r} cannot be used: {found}; on this machine, device must be {allowed}")
