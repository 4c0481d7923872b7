"""Labels that fit a model's head; for every framework."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng

from hfbench_nb.protocol.case import Case
from hfbench_nb.worker.backends.base import CallInputs
from hfbench_nb.worker.backends.inputs import CountFeatures, cannot_count, forward_arguments, make_inputs

NO_LOSS = "mean of the output: the model has no loss"
NO_LABELS = "mean of the output: labels for the model's loss cannot be made yet"
NO_SCIPY = "mean of the output: the model's loss needs scipy, which is not installed"
# Arguments of forward passes that a loss is computed from; the last ones are of bare models too, which have no loss.
_FOR_A_LOSS = re.compile(r"(^|_)labels?$|^(start|end)_positions$|^return_loss$|^future_values$|^targets?$")
_FOR_A_LOSS_OF_A_HEAD = re.compile(r"^bool_masked_pos$|^mask_time_indices$")
_OBJECTS = 2


@dataclass(frozen=True)
class _Ask:
    """What labels are made for: the model and its inputs."""

    model: Any
    inputs: dict[str, np.ndarray]
    generator: Generator

    @property
    def ids(self) -> np.ndarray:
        """The tokens that the head labels, shape ``(batch size, sequence length)``."""
        found = self.inputs.get("decoder_input_ids", self.inputs.get("input_ids"))
        assert found is not None, f"{type(self.model).__name__} has labels of tokens but no tokens"
        return found

    def numbers(self, below: int, *shape: int) -> np.ndarray:
        """Draw random whole numbers from 0 to `below` - 1."""
        return self.generator.integers(below, size=shape)

    @property
    def batch_size(self) -> int:
        """Number of examples."""
        return len(next(iter(self.inputs.values())))

    @property
    def classes(self) -> int:
        """Number of classes that a classifier distinguishes."""
        return int(getattr(self.model.config, "num_labels", 2))

    @property
    def pixels(self) -> tuple[int, ...]:
        """Height and width of the images."""
        return self.inputs["pixel_values"].shape[-2:]

    @property
    def frames(self) -> int:
        """Number of frames of the audio behind the convolutions that read it."""
        frames = int(self.inputs[self.model.main_input_name].shape[1])
        kernels, strides = (getattr(self.model.config, f"conv_{name}", ()) for name in ("kernel", "stride"))
        for kernel, stride in zip(kernels, strides, strict=True):
            frames = (frames - kernel) // stride + 1
        return frames


_Labels = dict[str, Any]


def _span(ask: _Ask) -> _Labels:
    first = ask.numbers(1, ask.batch_size)
    return {"start_positions": first, "end_positions": first}


def _class(ask: _Ask) -> _Labels:
    """Return a class of each example, or what the configuration's `problem_type` takes instead, in floating point."""
    problem = getattr(ask.model.config, "problem_type", None)
    if problem == "multi_label_classification":
        return {"labels": ask.numbers(2, ask.batch_size, ask.classes).astype(np.float32)}
    if problem == "regression" or (problem is None and ask.classes == 1):
        shape = (ask.batch_size,) if ask.classes == 1 else (ask.batch_size, ask.classes)
        return {"labels": ask.generator.standard_normal(shape, np.float32)}
    return _one_class(ask)


def _one_class(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(ask.classes, ask.batch_size)}


def _answer(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(int(ask.model.config.num_qa_labels), ask.batch_size)}


def _score_of_each_answer(ask: _Ask) -> _Labels:
    return {"labels": ask.generator.random((ask.batch_size, ask.classes), np.float32)}


def _class_of_each_frame(ask: _Ask) -> _Labels:
    return {"labels": np.eye(ask.classes, dtype=np.float32)[ask.numbers(ask.classes, ask.batch_size, ask.frames)]}


def _class_of_each_pixel(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(ask.classes, ask.batch_size, *ask.pixels)}


def _objects(ask: _Ask) -> _Labels:
    """Return for each image a dictionary of the objects' classes and boxes: centre and size, from 0 to 1."""
    boxes = (0.25 + 0.5 * ask.generator.random((ask.batch_size, _OBJECTS, 4))).astype(np.float32)
    classes = ask.numbers(ask.classes, ask.batch_size, _OBJECTS)
    return {"labels": [{"class_labels": c, "boxes": b} for c, b in zip(classes, boxes, strict=True)]}


def _masks(ask: _Ask) -> _Labels:
    """Return for each image the classes and the masks of its segments."""
    masks = ask.numbers(2, ask.batch_size, _OBJECTS, *ask.pixels).astype(np.float32)
    return {"class_labels": list(ask.numbers(ask.classes, ask.batch_size, _OBJECTS)), "mask_labels": list(masks)}


def _nothing(ask: _Ask) -> _Labels:
    return {}


def _class_of_each_token(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(ask.classes, *ask.ids.shape)}


def _choice(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(ask.ids.shape[1], ask.batch_size)}


def _pair(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(2, ask.batch_size)}


def _replaced(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(2, *ask.ids.shape)}


def _tokens(ask: _Ask) -> _Labels:
    if len(ask.ids) > ask.batch_size:  # several codebooks, one after the other along the first dimension
        return {"labels": ask.ids.reshape(ask.batch_size, -1, ask.ids.shape[1]).swapaxes(1, 2)}
    return {"labels": ask.ids}


def _tokens_and(name: str) -> Callable[[_Ask], _Labels]:
    return lambda ask: {"labels": ask.ids, name: ask.numbers(2, ask.batch_size)}


def _transcript(ask: _Ask) -> _Labels:
    """Return texts half as long as the audio has frames, which leaves CTC room for blanks between equal letters.

    Raises
    ------
    ValueError
        If the configuration names no padding token.
    """
    config = ask.model.config
    if config.pad_token_id is None:
        raise ValueError(
            f"{type(ask.model).__name__}: CTC takes the padding token as its blank, and the configuration has no "
            "pad_token_id: set one"
        )
    # Encoders without these convolutions shorten their input in other ways, at most by 8.
    frames = ask.frames if hasattr(config, "conv_kernel") else ask.frames // 8
    letters = ask.numbers(config.vocab_size - 1, ask.batch_size, max(1, frames // 2))
    return {"labels": letters + (letters >= config.pad_token_id)}  # the padding id is not a letter


def _matching(ask: _Ask) -> _Labels:
    return {"return_loss": True}


# The first row applies that has a head ending the class's name, and whose arguments the forward pass all accepts.
_ROWS: tuple[tuple[tuple[str, ...], tuple[str, ...], str, Callable[[_Ask], _Labels]], ...] = (
    (("ForQuestionAnswering", "ForQuestionAnsweringSimple"), ("start_positions",), "span of the answer", _span),
    (("LxmertForQuestionAnswering",), ("labels",), "class of the answer", _answer),
    (("TapasForQuestionAnswering",), ("labels",), "whether each token is of the answer", _replaced),
    (("ForQuestionAnswering",), ("labels", "decoder_input_ids"), "each token", _tokens),
    (("ForQuestionAnswering",), ("labels",), "score of each answer", _score_of_each_answer),
    (("ForSequenceClassification", "ForAudioClassification"), ("labels", "input_values"), "class of the audio", _class),
    (("ForSequenceClassification", "ForAudioClassification"), ("labels", "input_features"), "class of the audio",
     _class),
    (("ForXVector",), ("labels",), "speaker of the audio", _one_class),
    (("ForAudioFrameClassification",), ("labels",), "class of each frame", _class_of_each_frame),
    (("ForSequenceClassification",), ("labels",), "class of the text", _class),
    (("ForImageClassification", "ForImageClassificationWithTeacher"), ("labels",), "class of the image", _class),
    (("ForVideoClassification",), ("labels",), "class of the video", _class),
    (("ForImagesAndTextClassification", "ForVisualReasoning"), ("labels",), "class of text and image", _one_class),
    (("ForSemanticSegmentation",), ("labels",), "class of each pixel", _class_of_each_pixel),
    (("ForObjectDetection",), ("labels",), "class and box of each object", _objects),
    (("ForUniversalSegmentation", "ForInstanceSegmentation"), ("class_labels", "mask_labels"),
     "class and mask of each segment", _masks),
    (("ForPreTraining",), ("pixel_values", "noise"), "the hidden parts of the image", _nothing),
    (("ForTokenClassification",), ("labels",), "class of each token", _class_of_each_token),
    (("ForMultipleChoice",), ("labels",), "the right choice", _choice),
    (("ForNextSentencePrediction",), ("labels",), "the next sentence", _pair),
    (("ForPreTraining",), ("next_sentence_label",), "each token and the next sentence",
     _tokens_and("next_sentence_label")),
    (("ForPreTraining",), ("sentence_order_label",), "each token and the order of the sentences",
     _tokens_and("sentence_order_label")),
    (("ElectraForPreTraining",), ("labels",), "whether each token was replaced", _replaced),
    (("ForCTC",), ("labels",), "transcript of the audio", _transcript),
    (("ForMaskedLM", "ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForPreTraining", "WithLMHeadModel",
      "ForSpeechSeq2Seq", "ForImageTextToText", "EncoderDecoderModel"), ("labels",), "each token", _tokens),
    (("",), ("return_loss",), "which text belongs to which image", _matching),
)  # fmt: skip

# Losses that match predictions to objects, which Transformers computes with scipy.
_MATCHED = (_objects, _masks)


def make_labels(model: Any, inputs: dict[str, np.ndarray], seed: int) -> tuple[_Labels, str]:
    """Make labels that fit the model's head.

    Returns
    -------
    labels
        Arguments of the forward pass, by name; none for a model without a loss.
    str
        A description of what is minimised.
    """
    accepted = forward_arguments(model)
    generator = default_rng(seed)
    for heads, arguments, words, make in _ROWS:
        if type(model).__name__.endswith(heads) and all(name in accepted for name in arguments):
            if make in _MATCHED and importlib.util.find_spec("scipy") is None:
                return {}, NO_SCIPY
            return make(_Ask(model, inputs, generator)), words
    if "labels" in accepted and ("input_ids" in inputs or "decoder_input_ids" in inputs):
        return _tokens(_Ask(model, inputs, generator)), "each token"  # the user's own head
    return {}, NO_LABELS if _has_loss(type(model).__name__, accepted) else NO_LOSS


def _has_loss(class_name: str, accepted: Iterable[str]) -> bool:
    """Return whether a forward pass of these arguments can return a loss."""
    patterns = [_FOR_A_LOSS, *([_FOR_A_LOSS_OF_A_HEAD] if "For" in class_name else [])]
    return any(pattern.search(name) for pattern in patterns for name in accepted)


def describe_call(
    model: Any, case: Case, seed: int, *, labels: bool, count_features: CountFeatures = cannot_count
) -> CallInputs:
    """Make what a model is called with, as arrays: inputs of the case's sizes and, if asked for, labels.

    The details tell the shapes of the inputs and what training minimises, the note what a user should know of either.

    Raises
    ------
    NotImplementedError
        If the model has no forward pass, or needs an input that cannot be made.
    """
    if getattr(getattr(model, "forward", None), "__name__", "") == "_forward_unimplemented":
        raise NotImplementedError(f"{type(model).__name__} has no forward pass: only its parts have, and generation")
    inputs = make_inputs(model, *case.sizes, seed, count_features)
    notes = list(inputs.notes)
    made: _Labels = {}
    details: dict[str, Any] = {"inputs": inputs.shapes}
    if labels:
        made, details["loss"] = make_labels(model, inputs.arrays, seed)
        if details["loss"] in (NO_LOSS, NO_LABELS, NO_SCIPY):
            notes.append(f"training minimises the {details['loss']}")
    return CallInputs({**inputs.arrays, **made}, "; ".join(notes), details)
