"""TensorFlow: building Transformers models quickly, their inputs, and one pass of each task."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf
import tf_keras
from transformers.models.auto import modeling_tf_auto

from hfbench_nb.backends.model_classes import find_class as find_class_of
from hfbench_nb.records import ModelSpec

_MAPPINGS = {
    "inference": (modeling_tf_auto.TF_MODEL_MAPPING,),
    "training": (
        modeling_tf_auto.TF_MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
        modeling_tf_auto.TF_MODEL_FOR_MASKED_LM_MAPPING,
        modeling_tf_auto.TF_MODEL_FOR_CAUSAL_LM_MAPPING,
    ),
}
_RANDOM_INITIALIZERS = ("TruncatedNormal", "RandomNormal", "RandomUniform", "VarianceScaling", "Orthogonal")
# Spread of the random weights, as most models are initialised.
_WEIGHT_STD = 0.02
# Weights are filled by copying a block of this many random numbers.
_BLOCK_NUMBERS = 1 << 18

Inputs = dict[str, Any]


def find_class(spec: ModelSpec, task: str, *, only_pretrain_model: bool) -> tuple[Any, Any]:
    """Give the configuration and the class that is built from it."""
    return find_class_of(spec, task, only_pretrain_model=only_pretrain_model, prefix="TF", mappings=_MAPPINGS)


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


def make_inputs(model: Any, batch_size: int, sequence_length: int, seed: int) -> Inputs:
    """Make uniform random token ids, shape ``(batch_size, sequence_length)``, also for the decoder if there is one."""
    config = model.config if hasattr(model.config, "vocab_size") else model.config.get_text_config()
    numbers = np.random.default_rng(seed).integers(config.vocab_size, size=(batch_size, sequence_length))
    ids = tf.constant(numbers, dtype=tf.int32)
    return {"input_ids": ids, "decoder_input_ids": ids} if model.config.is_encoder_decoder else {"input_ids": ids}


def make_labels(model: Any, inputs: Inputs, seed: int) -> tuple[Inputs, str]:
    """Make labels that fit the model's head.

    Returns
    -------
    labels
        Arguments of the forward pass, by name; none for a model without a loss.
    str
        What is minimised, in words.
    """
    accepted = inspect.signature(model.call).parameters
    ids, head = inputs["input_ids"], type(model).__name__
    numbers = np.random.default_rng(seed)
    if "start_positions" in accepted:
        first = tf.zeros(ids.shape[0], tf.int32)
        return {"start_positions": first, "end_positions": first}, "span of the answer"
    if "labels" not in accepted:
        return {}, "mean of the output: the model has no loss"
    if head.endswith(("ForSequenceClassification", "ForTokenClassification")):
        shape = ids.shape if head.endswith("ForTokenClassification") else ids.shape[:1]
        labels = tf.constant(numbers.integers(model.config.num_labels, size=tuple(shape)), dtype=tf.int32)
        return {"labels": labels}, "class of each token" if len(shape) > 1 else "class of the text"
    if "next_sentence_label" in accepted:
        return {
            "labels": ids,
            "next_sentence_label": tf.zeros(ids.shape[0], tf.int32),
        }, "each token and the next sentence"
    return {"labels": ids}, "each token"


def inference_pass(model: Any) -> Callable[[Inputs], Any]:
    """Give a function of the inputs that runs one forward pass."""
    return lambda inputs: model(**inputs, training=False)


def training_pass(model: Any, details: dict[str, Any]) -> Callable[[Inputs], tuple[Any, list[Any]]]:
    """Give a function of inputs and labels that runs one forward and one backward pass: loss and gradients.

    `details` is told how many variables there are and how many of them get no gradient.
    """

    def run(inputs: Inputs) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(**inputs, training=True)[0])
        gradients = tape.gradient(loss, model.trainable_variables)
        details["trainable_variables"] = len(gradients)
        details["variables_without_gradient"] = sum(gradient is None for gradient in gradients)
        return loss, [gradient for gradient in gradients if gradient is not None]

    return run
