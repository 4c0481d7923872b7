"""Inference: one forward pass without gradients."""

from __future__ import annotations

from collections.abc import Callable

from hfbench_nb.worker.backends.base import CallInputs, Runtime
from hfbench_nb.worker.workloads.model_pass import ModelPass


class Inference(ModelPass):
    """One forward pass in evaluation mode."""

    def make_call(self, runtime: Runtime, model: object, inputs: CallInputs) -> Callable[[], object]:
        """Return the forward pass."""
        return runtime.inference_call(model, inputs)
