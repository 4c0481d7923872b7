"""One pass of a model: what inference and training share, and tasks of that shape can build on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, cast

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.model_kinds import BASE
from hfbench_nb.protocol.request import ModelSpec, OwnCode, PickledFunction
from hfbench_nb.worker.backends.base import Attempt, CallInputs, CodeRuntime, Runtime, SharingRuntime
from hfbench_nb.worker.backends.base_counting import Counted, CountingRuntime, PhasedCall
from hfbench_nb.worker.workloads.base import LoadedModel, Prepared, build_model, take_over
from hfbench_nb.worker.workloads.own_functions import OwnFunctions


class ModelPass:
    """One pass of a model; building it is loading.

    Attributes
    ----------
    kind
        Kind of the model's class: a key of `hfbench_nb.protocol.model_kinds.CLASS_MAPPINGS`.
    training
        Whether the model is in training mode, and its inputs have labels.
    """

    kind: ClassVar[str] = BASE
    training: ClassVar[bool] = False

    def __init__(self, case: Case, subject: ModelSpec | PickledFunction) -> None:
        assert isinstance(subject, ModelSpec)
        self.case = case
        self.spec = subject
        self.shared: Any = None
        self._own = OwnFunctions()

    def build(self, runtime: Runtime) -> LoadedModel:
        """Build the model for several cases, in a process that forks their workers."""
        return build_model(runtime, self.spec, self.kind, training=False)

    def prepare(self, runtime: Runtime) -> Prepared:
        """Build the model and make its inputs."""
        # Kept: what the functions hold is baseline, and must not be released between two readings of memory.
        self._own = own = OwnFunctions.load(runtime, self._take_code())
        attempt = Attempt(self.spec, self.case, is_own=own.make_model is not None)
        with explained(runtime, attempt):
            loaded = self._load(runtime, own)
            model = loaded.built.model
            attempt.model, attempt.step = model, "inputs"
            inputs = self._inputs(runtime, model, own)
            attempt.given, attempt.step = tuple(inputs.tensors), "calling"
            call = self.make_call(runtime, model, inputs)
        return Prepared(
            call=call,
            baseline_bytes=loaded.baseline_bytes,
            loaded_bytes=loaded.loaded_bytes,
            model=model,
            note="; ".join(filter(None, [loaded.built.note, inputs.note])),
            model_facts=loaded.built.facts,
            build_s=loaded.build_s,
            details={**loaded.built.details, **inputs.details},
            explain=lambda error: runtime.explain(error, attempt),
            count=self._counted(runtime, call, model, inputs),
        )

    def _counted(
        self, runtime: Runtime, call: Callable[[], object], model: object, inputs: CallInputs
    ) -> Counted | None:
        """Return what counts a pass, if the backend can."""
        if not isinstance(runtime, CountingRuntime):
            return None

        def in_one_phase(call: Callable[[], object]) -> PhasedCall:
            return lambda next_phase: call()

        def call_of(model: object, inputs: CallInputs) -> PhasedCall:
            return in_one_phase(self.make_call(runtime, model, inputs))

        return lambda: runtime.count(in_one_phase(call), call_of, model, inputs)[0].metrics

    def _load(self, runtime: Runtime, own: OwnFunctions) -> LoadedModel:
        if self.shared is not None:
            sharing = cast(SharingRuntime, runtime)
            return take_over(sharing, self.shared.loaded, self.shared.resolved, training=self.training)
        return build_model(runtime, self.spec, self.kind, training=self.training, make=own.make_model)

    def _take_code(self) -> OwnCode | None:
        """Return the user's own code, which may be large, and keep no reference to it."""
        code, self.spec = self.spec.code, replace(self.spec, code=None)
        return code

    def _inputs(self, runtime: Runtime, model: object, own: OwnFunctions) -> CallInputs:
        """Return the inputs that the user's function makes, or random ones; with labels if the model is to use them."""
        make = own.make_inputs(*self.case.sizes)
        if make is not None:
            inputs = cast(CodeRuntime, runtime).take_inputs(make, model)
        else:
            inputs = self.make_inputs(runtime, model, labels=self.training and own.loss is None)
        if own.loss is not None:
            inputs = replace(inputs, loss=own.loss)
        if self.training and inputs.loss is not None:
            source = "loss=" if own.loss is not None else "the model"
            inputs = replace(inputs, details={**inputs.details, "loss": f"what {source} returns"})
        return inputs

    def make_inputs(self, runtime: Runtime, model: object, *, labels: bool) -> CallInputs:
        """Return random inputs of the case's sizes, with labels if asked for."""
        return runtime.make_inputs(model, self.case, labels=labels)

    def make_call(self, runtime: Runtime, model: object, inputs: CallInputs) -> Callable[[], object]:
        """Return the function that is measured."""
        raise NotImplementedError


class explained:  # noqa: N801 - used as a context manager, and no generator: those cannot replace a StopIteration
    """Raise what the runtime makes of an error, instead of the error; that memory ran out needs no explanation."""

    def __init__(self, runtime: Runtime, attempt: Attempt) -> None:
        self._runtime, self._attempt = runtime, attempt

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, MemoryError) or self._runtime.is_out_of_memory(error):
            return
        shown = self._runtime.explain(error, self._attempt)
        if shown is not error:
            raise shown from error
