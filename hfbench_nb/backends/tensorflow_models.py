"""TensorFlow: building Transformers models quickly, and one pass of each task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf
import tf_keras

_RANDOM_INITIALIZERS = ("TruncatedNormal", "RandomNormal", "RandomUniform", "VarianceScaling", "Orthogonal")
# Spread of the random weights, as most models are initialised.
_WEIGHT_STD = 0.02
# Weights are filled by copying a block of this many random numbers.
_BLOCK_NUMBERS = 1 << 18

Tensors = dict[str, Any]


def build(model_class: Any, config: Any, seed: int) -> Any:
    """Build a model with random weights: its random initialisers copy a block of numbers instead of drawing them."""
    with _quick_initialisation(seed):
        model = model_class(config)
        model.build_in_name_scope()
    return model


@contextmanager
def _quick_initialisation(seed: int) -> Iterator[None]:
    block = np.random.default_rng(seed).normal(0.0, _WEIGHT_STD, _BLOCK_NUMBERS).astype(np.float32)

    def fill(self: Any, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return tf.constant(np.resize(block, tuple(shape)), dtype=dtype or tf.float32)

    with ExitStack() as patches:
        for name in _RANDOM_INITIALIZERS:
            patches.enter_context(mock.patch.object(getattr(tf_keras.initializers, name), "__call__", fill))
        yield


def to_tensors(arrays: dict[str, Any]) -> Tensors:
    """Make tensors of inputs and labels; whole numbers have 32 bits, as TensorFlow models expect them."""
    return {
        name: tf.constant(array, tf.int32 if array.dtype.kind == "i" else tf.float32)
        if isinstance(array, np.ndarray)
        else array
        for name, array in arrays.items()
    }


def inference_pass(model: Any) -> Callable[[Tensors], Any]:
    """Give a function of the inputs that runs one forward pass."""
    return lambda inputs: model(**inputs, training=False)


def training_pass(model: Any, details: dict[str, Any]) -> Callable[[Tensors], tuple[Any, list[Any]]]:
    """Give a function of inputs and labels that runs one forward and one backward pass: loss and gradients.

    `details` is told how many variables there are and how many of them get no gradient.
    """

    def run(inputs: Tensors) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(**inputs, training=True)[0])
        gradients = tape.gradient(loss, model.trainable_variables)
        details["trainable_variables"] = len(gradients)
        details["variables_without_gradient"] = sum(gradient is None for gradient in gradients)
        return loss, [gradient for gradient in gradients if gradient is not None]

    return run
