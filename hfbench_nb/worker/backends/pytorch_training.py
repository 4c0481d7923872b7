"""PyTorch: a step of training, from clearing the gradients to the optimizer's step, with its phases."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hfbench_nb.protocol.case import Settings
from hfbench_nb.worker.backends.pytorch_checkpointing import Checkpointing
from hfbench_nb.worker.backends.pytorch_optimizers import (
    drop_unused_state,
    gradient_bytes,
    make_optimizer,
    state_bytes,
)
from hfbench_nb.worker.phase_clock import PhaseClock

FORWARD, BACKWARD, OPTIMIZER = "forward", "backward", "optimizer"
PHASES = (FORWARD, BACKWARD, OPTIMIZER)

Loss = Callable[[Any], torch.Tensor]


@dataclass(frozen=True)
class StepSettings:
    """What a step consists of: the arguments of the same names say what each is.

    By default a step is what the original measured: one forward and one backward pass.
    """

    optimizer: str = "none"
    gradient_checkpointing: bool = False
    autocast: str = "none"
    gradient_accumulation: int = 1

    @classmethod
    def of(cls, settings: Settings) -> StepSettings:
        """Take them from the settings of a case, which an earlier version may have written without."""
        return cls(**{name: settings[name] for name in cls.__dataclass_fields__ if name in settings})  # type: ignore[arg-type]


class TrainingStep:
    """A step of training.

    The gradients are cleared; each micro-batch has a forward pass with labels and a backward pass; and the optimizer
    makes its step.  Its state exists before the first call.

    Parameters
    ----------
    model, inputs
        The model, and the arguments of its forward pass: the same for each micro-batch.
    loss
        Returns what is minimised, of what the model returns.
    settings
        What the step consists of.
    device
        Where the model is.
    clock
        Takes the time of each phase in `PHASES`; None where a device executes nothing before a step has ended.

    Attributes
    ----------
    on_begin
        Called when a step begins.

    Raises
    ------
    NotImplementedError
        If the optimizer cannot be used here.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        inputs: Mapping[str, Any],
        loss: Loss,
        settings: StepSettings,
        device: torch.device,
        clock: PhaseClock | None,
    ) -> None:
        self._model, self._inputs, self._loss = model, inputs, loss
        self._settings, self._device, self._clock = settings, device, clock
        self.on_begin: Callable[[], None] = _nothing
        self._micro_batches = settings.gradient_accumulation
        self._notes: list[str] = []
        self._autocast = self._choose_autocast()
        is_scaled = self._autocast is torch.float16
        self._scaler = torch.amp.GradScaler(device.type) if is_scaled else None
        self._checkpointing: Checkpointing | None = None
        if settings.gradient_checkpointing:
            self._checkpointing = Checkpointing(model, self._forward)
        self._optimizer = make_optimizer(settings.optimizer, model)
        self._calls = 0
        if self._micro_batches > 1:
            self._notes.append(f"the batch size is that of a micro-batch: a step has {self._micro_batches} of them")

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases in their order: those of the last micro-batch, which need most, come last."""
        last = () if self._optimizer is None else (OPTIMIZER,)
        return (FORWARD, BACKWARD) * self._micro_batches + last

    def __call__(self) -> torch.Tensor:
        """Make a step; return the loss of its last micro-batch."""
        minimised = self._step(_nothing)
        if self._clock is not None:
            self._clock.keep()
        self._calls += 1
        return minimised

    def watched(self, next_phase: Callable[[], None]) -> torch.Tensor:
        """Make a step, and tell when a phase ends and another begins.  Its durations count only if it is the first."""
        minimised = self._step(next_phase)
        if not self._calls and self._clock is not None:
            self._clock.keep()
        self._calls += 1
        return minimised

    def durations_s(self, calls: int) -> dict[str, Sequence[float]]:
        """Return how long the phases of the last calls took, seconds, by phase."""
        return {} if self._clock is None else self._clock.last(calls)

    @property
    def gradients_bytes(self) -> int:
        """Size of the gradients, bytes."""
        return gradient_bytes(self._model)

    @property
    def optimizer_bytes(self) -> int:
        """Size of the optimizer's state, bytes."""
        return state_bytes(self._optimizer)

    def notes(self) -> list[str]:
        """Tell what a reader of the metrics should know, once the step has been made."""
        checkpointing = self._checkpointing
        if checkpointing is None or not self._calls:
            return self._notes
        return self._notes + checkpointing.notes(self.gradients_bytes, accumulates=self._micro_batches > 1)

    @property
    def details(self) -> dict[str, Any]:
        """What else is worth showing."""
        trained = sum(parameter.numel() for parameter in self._model.parameters() if parameter.requires_grad)
        details = {"trainable_parameters": trained}
        if self._checkpointing is not None:
            details["saved_without_checkpointing_bytes"] = self._checkpointing.saved_bytes
        return details

    def _choose_autocast(self) -> torch.dtype | None:
        """Return the data type to compute in; None where that is the one of the weights."""
        wanted = self._settings.autocast
        if wanted == "none":
            return None
        dtype: torch.dtype = getattr(torch, wanted)
        found = {parameter.dtype for parameter in self._model.parameters() if parameter.is_floating_point()}
        if dtype in found and torch.float32 not in found:
            self._notes.append(
                f"autocast={wanted!r} is left out: it does nothing where the weights are {wanted} already"
            )
            return None
        return dtype

    def _computing(self) -> contextlib.AbstractContextManager[object]:
        if self._autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, dtype=self._autocast)

    def _forward(self) -> torch.Tensor:
        with self._computing():
            return self._loss(self._model(**self._inputs))

    def _step(self, next_phase: Callable[[], None]) -> torch.Tensor:
        end_of = _nothing if self._clock is None else self._clock.end_of
        if self._clock is not None:
            self._clock.begin()
        self.on_begin()
        self._model.zero_grad(set_to_none=True)
        end_of(OPTIMIZER)
        for left in reversed(range(self._micro_batches)):
            minimised = self._forward()
            end_of(FORWARD)
            next_phase()
            self._backward(minimised)
            end_of(BACKWARD)
            if left or self._optimizer is not None:
                next_phase()
        if self._optimizer is not None:
            self._update(self._optimizer)
            end_of(OPTIMIZER)
        return minimised

    def _backward(self, minimised: torch.Tensor) -> None:
        if self._micro_batches > 1:
            minimised = minimised / self._micro_batches
        if self._scaler is not None:
            minimised = self._scaler.scale(minimised)
        minimised.backward()  # type: ignore[no-untyped-call]

    def _update(self, optimizer: torch.optim.Optimizer) -> None:
        if not self._calls:
            drop_unused_state(optimizer)
        if self._scaler is None:
            optimizer.step()
            return
        self._scaler.step(optimizer)
        self._scaler.update()


def _nothing(*_: object) -> None:
    """Do nothing."""
