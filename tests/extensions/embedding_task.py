"""A task from outside the package, embedding, with a metric of its own: how large the vectors are that it makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from hfbench_nb.protocol.tasks import Task
from hfbench_nb.worker.backends.base import CallInputs, Runtime
from hfbench_nb.worker.workloads.base import Prepared
from hfbench_nb.worker.workloads.model_pass import ModelPass

EMBEDDING = Task("embedding", "embedding_task:Embedding")


class Embedding(ModelPass):
    """One forward pass, and the mean of the last hidden state over the tokens of each sequence."""

    def prepare(self, runtime: Runtime) -> Prepared:
        """Build the model, make its inputs, and say what is known once the calls were made."""
        return dataclasses.replace(super().prepare(runtime), metrics=self._metrics)

    def make_call(self, runtime: Runtime, model: object, inputs: CallInputs) -> Callable[[], object]:
        """Return the pass with its pooling."""
        forward: Callable[[], Any] = runtime.inference_call(model, inputs)

        def embed() -> None:
            outputs = forward()
            self._vectors = getattr(outputs, "last_hidden_state", outputs).mean(1)

        return embed

    def _metrics(self) -> dict[str, float]:
        return {"vectors_kb": self._vectors.nbytes / 1024}
