"""A backend from outside the package: a small model in NumPy, sized by the configuration."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace as Model
from typing import Any

import numpy as np

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.worker.backends.base import Attempt, Built, CallInputs, DeviceNotFoundError
from hfbench_nb.worker.clock import wall_clock
from hfbench_nb.worker.memory import host_meter


class NumPyBackend:
    """NumPy on the CPU."""

    def import_model_code(self, family: str) -> None:
        """Do nothing: every family is the same model here."""

    def device_count(self) -> int:
        return 0  # NumPy uses no accelerator

    def open(self, settings: Settings, method: Method) -> NumPyRuntime:
        if settings["device"] not in ("auto", "cpu"):
            raise DeviceNotFoundError(f"NumPy has no device {settings['device']!r}")
        return NumPyRuntime(settings, method.seed)

    def environment(self, settings: Settings, method: Method) -> dict[str, Any]:
        versions = {"framework_version": np.__version__, "python_version": platform.python_version()}
        return {"framework": "NumPy", **versions, "use_gpu": False, "device": "cpu"}


load = NumPyBackend


class NumPyRuntime:
    """NumPy with the data type, the block size and the seed of one case."""

    compiles = False

    def __init__(self, settings: Settings, seed: int) -> None:
        self.meter, self.stopwatch, self.resolved = host_meter(), wall_clock, Settings(device="cpu")
        self.details: dict[str, Any] = {}
        self.framework_version = np.__version__
        self._dtype, self._block, self._random = settings["dtype"], settings["block_size"], np.random.default_rng(seed)

    def build(self, spec: ModelSpec, kind: str, *, training: bool) -> Built:
        """Draw random weights for a token embedding and dense layers of the sizes that the configuration names."""
        width, depth = spec.config["hidden_size"], spec.config["num_hidden_layers"]
        shapes = [(spec.config["vocab_size"], width), *[(width, width)] * depth]
        embedding, *layers = (self._random.normal(0, 0.2, shape).astype(self._dtype) for shape in shapes)
        return Built(Model(embedding=embedding, layers=layers, gradient=None))

    def make_inputs(self, model: Model, case: Case, *, labels: bool) -> CallInputs:
        """Draw random tokens, and tokens to be learnt."""
        names = ["input_ids", "labels"] if labels else ["input_ids"]
        return CallInputs({name: self._random.integers(len(model.embedding), size=case.sizes) for name in names})

    def inference_call(self, model: Model, inputs: CallInputs) -> Callable[[], np.ndarray]:
        """Return the forward pass, which returns the last hidden state: a vector for each token."""
        return lambda: self._forward(model, inputs)[-1].reshape(*inputs.tensors["input_ids"].shape, -1)

    def training_call(self, model: Model, inputs: CallInputs) -> Callable[[], None]:
        """Return the forward pass and the last layer's gradient of half the squared distance to the labels' vectors."""

        def train() -> None:
            *_, given, found = self._forward(model, inputs)
            distance = found - model.embedding[inputs.tensors["labels"].ravel()]
            model.gradient = given.T @ (distance * (1 - found**2))

        return train

    def _forward(self, model: Model, inputs: CallInputs) -> list[np.ndarray]:
        """Return the vectors of all tokens, before and after each layer."""
        states = [model.embedding[inputs.tensors["input_ids"].ravel()]]
        for weights in model.layers:
            blocks = np.split(states[-1], range(self._block, len(states[-1]), self._block))
            states.append(np.concatenate([np.tanh(block @ weights) for block in blocks]))
        return states

    def forget_passes(self, model: Model) -> None:
        model.gradient = None

    def is_out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, MemoryError)  # NumPy says so by Python's own error

    def explain(self, error: Exception, attempt: Attempt) -> Exception:
        return error  # NumPy's messages are clear enough

    def hear(self) -> AbstractContextManager[list[str]]:
        return nullcontext([])  # NumPy has nothing to say

    def close(self) -> None:
        """Do nothing: nothing was changed."""
