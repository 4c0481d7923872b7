"""TensorFlow: building Transformers models, and running one pass of each task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from hfbench_nb.worker.backends.tensorflow_weights import RandomWeights
from hfbench_nb.worker.reference import ON_CPU, ON_GPU

Tensors = dict[str, Any]

Pass = Callable[[Tensors], Any]

# What tracing without AutoGraph raises where a model branches on the value of a tensor.
_NEEDS_AUTOGRAPH = (tf.errors.OperatorNotAllowedInGraphError, TypeError)


def build(model_class: Any, config: Any, seed: int, before_weights: Callable[[], None] | None) -> Any:
    """Build a model with random weights.

    Parameters
    ----------
    model_class, config
        The class to build and its configuration.
    seed
        Seed of the random numbers.
    before_weights
        On a CPU under Linux, called when TensorFlow's own data about the model exists, but the memory of the random
        weights is not yet in use; None elsewhere.
    """
    weights = RandomWeights(seed)
    with weights.initialised(on_host=before_weights is not None):
        model = model_class(config)
        model.build_in_name_scope()
    if not model.weights:  # its class does not say how to build it, such as Transformer-XL's: tracing a call does
        with weights.initialised(on_host=False):
            model = _built_by_tracing(model, lambda: model_class(config))
    elif before_weights is not None:
        weights.take_back(model.weights)
        before_weights()
        weights.fill()
    return model


def _built_by_tracing(model: Any, make: Callable[[], Any]) -> Any:
    """Return the model, built by tracing a call; another one, traced with AutoGraph, if it needs that (`as_graph`)."""

    def trace(model: Any, *, autograph: bool) -> None:
        tf.function(lambda: model(model.dummy_inputs, training=False), autograph=autograph).get_concrete_function()

    try:
        trace(model, autograph=False)
    except _NEEDS_AUTOGRAPH:
        model = None  # the variables that the attempt has made are of no use
    if model is None:  # after the error, which holds them, is gone
        model = make()
        trace(model, autograph=True)
    return model


def to_tensors(arrays: dict[str, Any]) -> Tensors:
    """Convert inputs and labels to tensors; integers get 32 bits, as TensorFlow models expect."""
    return {
        name: tf.constant(array, tf.int32 if array.dtype.kind == "i" else tf.float32)
        if isinstance(array, np.ndarray)
        else array
        for name, array in arrays.items()
    }


def inference_pass(model: Any) -> Callable[[Tensors], Any]:
    """Return a function of the inputs that runs one forward pass."""
    return lambda inputs: model(**inputs, training=False)


class TrainingPass:
    """A forward and a backward pass.

    Attributes
    ----------
    details
        The number of trainable variables, and how many of them get no gradient, once it was run or traced.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.details: dict[str, Any] = {}

    def run(self, inputs: Tensors) -> tuple[Any, list[Any]]:
        """Run it on inputs and labels; return the loss and the gradients."""
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._model(**inputs, training=True)[0])
        gradients = tape.gradient(loss, self._model.trainable_variables)
        missing = sum(gradient is None for gradient in gradients)
        self.details = {"trainable_variables": len(gradients), "variables_without_gradient": missing}
        return loss, [gradient for gradient in gradients if gradient is not None]


def as_graph(run: Pass, *, jit_compile: bool) -> Pass:
    """Return a pass that is traced into a graph at its first call and runs as that graph from then on.

    AutoGraph, which rewrites Python source so that it may branch on values of tensors, takes seconds for each process
    and changes nothing where a model does not: the pass is traced without it, and with it only where that fails.
    """
    graphs = [tf.function(run, jit_compile=jit_compile, autograph=autograph) for autograph in (True, False)]

    def call(inputs: Tensors) -> Any:
        try:
            return graphs[-1](inputs)
        except _NEEDS_AUTOGRAPH:
            if len(graphs) == 1:
                raise
            graphs.pop()
            return graphs[-1](inputs)

    return call


def make_reference(*, on_gpu: bool) -> Callable[[], object]:
    """Return the reference piece of work (see `hfbench_nb.worker.reference`), which has ended when the call returns."""
    rows, copied_bytes = ON_GPU if on_gpu else ON_CPU
    matrix = tf.fill((rows, rows), 0.5)
    source = tf.zeros(copied_bytes // 4, tf.float32)

    def work() -> None:
        product = tf.linalg.matmul(matrix, matrix)
        copied = source + 0.0
        if on_gpu:  # operations return before they have ended
            _ = float(product[0, 0]), float(copied[0])

    return work
