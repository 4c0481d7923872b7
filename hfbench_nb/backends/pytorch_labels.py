"""PyTorch: labels that fit a model's head."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

NO_LOSS = "mean of the output: the model has no loss"


@dataclass(frozen=True)
class _Ask:
    """What labels are made for."""

    model: torch.nn.Module
    inputs: dict[str, torch.Tensor]
    generator: torch.Generator

    @property
    def ids(self) -> torch.Tensor:
        """The tokens that the head speaks of, shape ``(batch size, sequence length)``."""
        found = self.inputs.get("decoder_input_ids", self.inputs.get("input_ids"))
        assert found is not None, f"{type(self.model).__name__} has labels of tokens but no tokens"
        return found

    def numbers(self, below: int, *shape: int) -> torch.Tensor:
        """Draw whole numbers, on the device of the inputs."""
        device = next(iter(self.inputs.values())).device
        return torch.randint(below, shape, generator=self.generator).to(device)

    @property
    def batch_size(self) -> int:
        """Number of examples."""
        return len(next(iter(self.inputs.values())))

    @property
    def classes(self) -> int:
        """Number of classes that a classifier tells apart."""
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
    """Give texts that are half as long as the audio has frames: no two equal letters are then too many."""
    config: Any = ask.model.config
    samples = ask.inputs[ask.model.main_input_name].shape[1]  # type: ignore[index]
    frames = int(ask.model._get_feat_extract_output_lengths(samples))  # type: ignore[operator]
    letters = ask.numbers(config.vocab_size - 1, ask.batch_size, max(1, frames // 2))
    return {"labels": letters + (letters >= config.pad_token_id)}  # the padding stands for no letter


def _matching(ask: _Ask) -> _Labels:
    return {"return_loss": True}


# The first row whose heads end a class's name and whose arguments its forward pass takes decides.
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


def make_labels(model: torch.nn.Module, inputs: dict[str, torch.Tensor], seed: int) -> tuple[_Labels, str]:
    """Make labels that fit the model's head.

    Returns
    -------
    labels
        Arguments of the forward pass, by name; none for a model without a loss.
    str
        What is minimised, in words.
    """
    accepted = inspect.signature(model.forward).parameters
    generator = torch.Generator().manual_seed(seed)
    for heads, arguments, words, make in _ROWS:
        if type(model).__name__.endswith(heads) and all(name in accepted for name in arguments):
            return make(_Ask(model, inputs, generator)), words
    if "labels" in accepted and ("input_ids" in inputs or "decoder_input_ids" in inputs):
        return _tokens(_Ask(model, inputs, generator)), "each token"  # a head of the user's own
    return {}, NO_LOSS
