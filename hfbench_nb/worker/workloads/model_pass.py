"""One pass of a model: what inference and training share, and tasks of that shape can build on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.model_kinds import BASE
from hfbench_nb.protocol.request import ModelSpec, PickledFunction
from hfbench_nb.worker.backends.base import Attempt, CallInputs, Runtime
from hfbench_nb.worker.workloads.base import Prepared, build_model


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

    def prepare(self, runtime: Runtime) -> Prepared:
        """Build the model and make its inputs."""
        attempt = Attempt(self.spec, self.case)
        with explained(runtime, attempt):
            loaded = build_model(runtime, self.spec, self.kind, training=self.training)
            model = loaded.built.model
            attempt.model, attempt.step = model, "inputs"
            inputs = runtime.make_inputs(model, self.case, labels=self.training)
            attempt.given, attempt.step = tuple(inputs.tensors), "calling"
            call = self.make_call(runtime, model, inputs)
        return Prepared(
            call=call,
            baseline_bytes=loaded.baseline_bytes,
            loaded_bytes=loaded.loaded_bytes,
            model=model,
            note=inputs.note,
            details={**loaded.built.details, "build_s": loaded.build_s, **inputs.details},
            explain=lambda error: runtime.explain(error, attempt),
        )

    def make_call(self, runtime: Runtime, model: object, inputs: CallInputs) -> Callable[[], object]:
        """Return the function that is measured."""
        raise NotImplementedError


@contextmanager
def explained(runtime: Runtime, attempt: Attempt) -> Iterator[None]:
    """Raise what the runtime makes of an error, instead of the error; that memory ran out needs no explanation."""
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or runtime.is_out_of_memory(error):
            raise
        shown = runtime.explain(error, attempt)
        if shown is error:
            raise
        raise shown from error
