"""Labels that fit a model's head; for every framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng

from hfbench_nb.protocol.case import Case
from hfbench_nb.worker.backends.base import CallInputs
from hfbench_nb.worker.backends.inputs import forward_arguments, make_inputs

NO_LOSS = "mean of the output: the model has no loss"


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


_Labels = dict[str, Any]


def _span(ask: _Ask) -> _Labels:
    first = ask.numbers(1, ask.batch_size)
    return {"start_positions": first, "end_positions": first}


def _class(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(ask.classes, ask.batch_size)}


def _class_of_each_token(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(ask.classes, *ask.ids.shape)}


def _choice(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(ask.ids.shape[1], ask.batch_size)}


def _pair(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(2, ask.batch_size)}


def _replaced(ask: _Ask) -> _Labels:
    return {"labels": ask.numbers(2, *ask.ids.shape)}


def _tokens(ask: _Ask) -> _Labels:
    return {"labels": ask.ids}


def _tokens_and(name: str) -> Callable[[_Ask], _Labels]:
    return lambda ask: {"labels": ask.ids, name: ask.numbers(2, ask.batch_size)}


def _transcript(ask: _Ask) -> _Labels:
    """Return texts half as long as the audio has frames, which leaves CTC room for blanks between equal letters."""
    config = ask.model.config
    frames = ask.inputs[ask.model.main_input_name].shape[1]
    for kernel, stride in zip(getattr(config, "conv_kernel", ()), getattr(config, "conv_stride", ()), strict=True):
        frames = (frames - kernel) // stride + 1
    letters = ask.numbers(config.vocab_size - 1, ask.batch_size, max(1, frames // 2))
    return {"labels": letters + (letters >= config.pad_token_id)}  # the padding id is not a letter


def _matching(ask: _Ask) -> _Labels:
    return {"return_loss": True}


# The first row applies that has a head ending the class's name, and whose arguments the forward pass all accepts.
_ROWS: tuple[tuple[tuple[str, ...], tuple[str, ...], str, Callable[[_Ask], _Labels]], ...] = (
    (("ForQuestionAnswering", "ForQuestionAnsweringSimple"), ("start_positions",), "span of the answer", _span),
    (("ForSequenceClassification", "ForAudioClassification"), ("labels", "input_values"), "class of the audio", _class),
    (("ForSequenceClassification", "ForAudioClassification"), ("labels", "input_features"), "class of the audio",
     _class),
    (("ForSequenceClassification",), ("labels",), "class of the text", _class),
    (("ForImageClassification", "ForImageClassificationWithTeacher"), ("labels",), "class of the image", _class),
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
            return make(_Ask(model, inputs, generator)), words
    if "labels" in accepted and ("input_ids" in inputs or "decoder_input_ids" in inputs):
        return _tokens(_Ask(model, inputs, generator)), "each token"  # the user's own head
    return {}, NO_LOSS


def describe_call(model: Any, case: Case, seed: int, *, labels: bool) -> CallInputs:
    """Make what a model is called with, as arrays: inputs of the case's sizes and, if asked for, labels.

    The details tell the shapes of the inputs and what training minimises, the note what a user should know of either.
    """
    inputs = make_inputs(model, *case.sizes, seed)
    notes = list(inputs.notes)
    made: _Labels = {}
    details: dict[str, Any] = {"inputs": inputs.shapes}
    if labels:
        made, details["loss"] = make_labels(model, inputs.arrays, seed)
        if details["loss"] == NO_LOSS:
            notes.append(f"training minimises the {NO_LOSS}")
    return CallInputs({**inputs.arrays, **made}, "; ".join(notes), details)
