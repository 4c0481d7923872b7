"""One pass of a model: what inference and training share, and tasks of that shape can build on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.model_kinds import BASE
from hfbench_nb.protocol.request import ModelSpec, PickledFunction
from hfbench_nb.worker.backends.base import CallInputs, Runtime
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
        loaded = build_model(runtime, self.spec, self.kind, training=self.training)
        model = loaded.built.model
        inputs = runtime.make_inputs(model, self.case, labels=self.training)
        return Prepared(
            call=self.make_call(runtime, model, inputs),
            baseline_bytes=loaded.baseline_bytes,
            loaded_bytes=loaded.loaded_bytes,
            model=model,
            note="; ".join(filter(None, (loaded.built.note, inputs.note))),
            details={**loaded.built.details, "build_s": loaded.build_s, **inputs.details},
        )

    def make_call(self, runtime: Runtime, model: object, inputs: CallInputs) -> Callable[[], object]:
        """Return the function that is measured."""
        raise NotImplementedError
