"""Training: gradients cleared, one forward pass with labels, one backward pass."""

from __future__ import annotations

from collections.abc import Callable

from hfbench_nb.protocol.model_kinds import HEAD
from hfbench_nb.worker.backends.base import CallInputs, Runtime
from hfbench_nb.worker.workloads.model_pass import ModelPass


class Training(ModelPass):
    """One forward and one backward pass in training mode."""

    kind = HEAD
    training = True

    def make_call(self, runtime: Runtime, model: object, inputs: CallInputs) -> Callable[[], object]:
        """Return the two passes."""
        return runtime.training_call(model, inputs)
