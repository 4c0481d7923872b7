"""Training: gradients cleared, one forward pass with labels, one backward pass; and what the settings add to that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.model_kinds import HEAD
from hfbench_nb.protocol.request import ModelSpec, PickledFunction
from hfbench_nb.worker.backends.base import CallInputs, Runtime
from hfbench_nb.worker.backends.base_training import PreparingRuntime, TrainingStepCall
from hfbench_nb.worker.workloads.base import LoadedModel, Phases, Prepared, in_use_bytes
from hfbench_nb.worker.workloads.model_pass import ModelPass
from hfbench_nb.worker.workloads.own_functions import OwnFunctions


class Training(ModelPass):
    """One forward and one backward pass in training mode or, where the backend can, a whole step."""

    kind = HEAD
    training = True

    def __init__(self, case: Case, subject: ModelSpec | PickledFunction) -> None:
        super().__init__(case, subject)
        self._step: TrainingStepCall | None = None

    def prepare(self, runtime: Runtime) -> Prepared:
        """Build the model and make its inputs, with labels."""
        prepared, step = super().prepare(runtime), self._step
        if step is None:
            return prepared
        return replace(
            prepared,
            details={**prepared.details, **step.details},
            phases=Phases(step.phases, step.watched),
            parts=lambda calls: {f"{phase}_s": of_calls for phase, of_calls in step.durations_s(calls).items()},
            parts_decide=False,
            metrics=lambda: {
                "gradients_mb": step.gradients_bytes / MEGABYTE,
                "optimizer_mb": step.optimizer_bytes / MEGABYTE,
            },
        )

    def make_call(self, runtime: Runtime, model: object, inputs: CallInputs) -> Callable[[], object]:
        """Return the step."""
        call = runtime.training_call(model, inputs)
        self._step = call if isinstance(call, TrainingStepCall) else None
        return call

    def _load(self, runtime: Runtime, own: OwnFunctions) -> LoadedModel:
        """Build the model, and add to it what is trained in place of its weights: that is loaded, too."""
        # Libraries are baseline: they are imported before its memory is read.
        adapt = runtime.prepare_training() if isinstance(runtime, PreparingRuntime) else None
        loaded = super()._load(runtime, own)
        if adapt is None:
            return loaded
        built = adapt(loaded.built)
        return replace(loaded, built=built, loaded_bytes=in_use_bytes(runtime) - built.unsaved_bytes)
