"""Which ids texts have, which labels belong to them, and the class that a model without a base class is built as."""

from __future__ import annotations

import pytest
import transformers
from support import workloads
from support.composed import COMPOSED
from support.outputs import first_tensor
from support.tiny import tiny

from hfbench_nb.protocol.model_kinds import BASE
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.worker.backends.inputs import make_inputs
from hfbench_nb.worker.backends.model_classes import class_for

pytestmark = pytest.mark.measures

BATCH, LENGTH = 2, 16


def prepare(config, task="inference", length=LENGTH, batch=BATCH):
    spec = ModelSpec(config["model_type"], config, "test")
    return workloads.prepare(workloads.open_runtime(), spec, task, batch, length)


def ids_of(prepared, seed=0):
    """Return many of a model's ids: the sets of those that it reads and of those that it writes."""
    arrays = make_inputs(prepared.model, 8, 60, seed).arrays
    return {name: set(arrays[name].flat) for name in ("input_ids", "decoder_input_ids") if name in arrays}


def test_every_id_that_ends_a_text_is_left_out():
    prepared = prepare({**tiny("llama"), "eos_token_id": [2, 3, 70]})
    ids = ids_of(prepared)["input_ids"]
    assert not ids & {0, 2, 3, 70}
    assert len(ids) > 90


def test_a_text_that_is_classified_ends_with_the_first_of_the_ids_that_end_texts():
    prepared = prepare({**tiny("llama", "LlamaForSequenceClassification"), "eos_token_id": [5, 6]}, "training")
    ids = make_inputs(prepared.model, 8, 60, 0).arrays["input_ids"]
    assert set(ids[:, -1]) == {5}
    assert not set(ids[:, :-1].flat) & {0, 5, 6}
    assert prepared.call().isfinite()


@pytest.mark.parametrize("model_type", ["fsmt", "encoder-decoder"])
def test_encoder_and_decoder_have_ids_of_their_own_vocabularies(model_type):
    prepared = prepare(COMPOSED[model_type], "training")
    ids = ids_of(prepared)
    assert 50 < max(ids["input_ids"]) < 60
    assert 30 < max(ids["decoder_input_ids"]) < 40
    assert prepared.details["loss"] == "each token"
    assert prepared.call().isfinite()


def test_one_vocabulary_has_one_text():
    arrays = make_inputs(prepare(tiny("bart")).model, BATCH, LENGTH, 0).arrays
    assert arrays["decoder_input_ids"] is arrays["input_ids"]


def test_a_part_that_reads_texts_is_given_texts_whatever_the_whole_is_for():
    model = prepare(tiny("bert"), length=8).model
    model.main_input_name = "pixel_values"  # as the text part of SAM 3 says
    assert make_inputs(model, BATCH, LENGTH, 0).shapes["input_ids"] == [BATCH, LENGTH]


def test_a_model_of_characters_reads_code_points():
    prepared = prepare(COMPOSED["canine"])
    ids = ids_of(prepared)["input_ids"]
    assert 10_000 < max(ids) < 0xD800
    assert first_tensor(prepared.call()).isfinite().all()


def test_a_model_of_documents_is_given_some():
    prepared = prepare(COMPOSED["rag"])
    assert prepared.details["inputs"]["context_input_ids"] == [BATCH * 3, LENGTH]
    assert prepared.details["inputs"]["doc_scores"] == [BATCH, 3]
    assert "without retrieval: 3 documents of random text" in prepared.note
    assert "the question encoder does not run" in prepared.note
    assert first_tensor(prepared.call()).isfinite().all()


@pytest.mark.parametrize("task", ["inference", "training"])
def test_a_loss_of_each_example_is_averaged(task):
    call = prepare({**COMPOSED["rag"], "architectures": ["RagTokenForGeneration"]}, task).call
    assert first_tensor(call()).isfinite().all()


def test_music_has_a_text_for_each_codebook():
    prepared = prepare(COMPOSED["musicgen"], "training")
    assert type(prepared.model).__name__ == "MusicgenForConditionalGeneration"
    assert prepared.details["inputs"] == {"input_ids": [BATCH, LENGTH], "decoder_input_ids": [4 * BATCH, LENGTH]}
    assert max(ids_of(prepared)["decoder_input_ids"]) < 50
    assert prepared.details["loss"] == "each token"
    assert prepared.call().isfinite()


def test_speech_has_an_id_of_each_channel():
    prepared = prepare(COMPOSED["dia"], "training")
    assert prepared.details["inputs"] == {"input_ids": [BATCH, LENGTH], "decoder_input_ids": [BATCH, LENGTH, 3]}
    ids = ids_of(prepared)
    assert 50 < max(ids["input_ids"]) < 60
    assert not ids["decoder_input_ids"] & set(range(35, 60))
    assert prepared.details["loss"] == "each token"
    assert prepared.call().isfinite()


# ---- classes


@pytest.mark.parametrize(
    ("model_type", "inference", "training"),
    [
        ("encoder-decoder", "EncoderDecoderModel", "EncoderDecoderModel"),
        ("vision-encoder-decoder", "VisionEncoderDecoderModel", "VisionEncoderDecoderModel"),
        ("pop2piano", "Pop2PianoForConditionalGeneration", "Pop2PianoForConditionalGeneration"),
        ("trocr", "TrOCRForCausalLM", "TrOCRForCausalLM"),
        ("superpoint", "SuperPointForKeypointDetection", "SuperPointForKeypointDetection"),
        ("upernet", "UperNetForSemanticSegmentation", "UperNetForSemanticSegmentation"),
    ],
)
def test_a_type_without_a_bare_model_is_built_as_the_class_that_it_has(model_type, inference, training):
    for task, name in (("inference", inference), ("training", training)):
        prepared = prepare(COMPOSED[model_type], task)
        assert type(prepared.model).__name__ == name
        assert first_tensor(prepared.call()).isfinite().all()


def test_a_bare_model_may_stand_in_a_module_of_its_own():
    assert class_for(transformers.BlipTextConfig(), BASE, "PyTorch") is transformers.BlipTextModel


# ---- labels of the head's kind


def label_of(config):
    prepared = prepare(config, "training")
    assert prepared.call().isfinite()
    return prepared.details["loss"]


@pytest.mark.parametrize(
    "problem",
    [
        {"problem_type": "multi_label_classification", "num_labels": 3},
        {"problem_type": "regression", "num_labels": 1},
        {"problem_type": "regression", "num_labels": 3},
        {"num_labels": 1},
        {"problem_type": "single_label_classification", "num_labels": 3},
    ],
)
@pytest.mark.parametrize(
    ("model_type", "head"), [("bert", "BertForSequenceClassification"), ("vit", "ViTForImageClassification")]
)
def test_labels_are_of_the_kind_that_the_configuration_names(model_type, head, problem):
    what = "text" if model_type == "bert" else "image"
    assert label_of({**tiny(model_type, head), **problem}) == f"class of the {what}"


def test_segments_are_learnt_from_a_class_of_each_pixel():
    assert label_of(COMPOSED["upernet"]) == "class of each pixel"


def test_a_loss_that_needs_no_labels_is_named():
    assert label_of(COMPOSED["vit_mae"]) == "the hidden parts of the image"


@pytest.mark.parametrize(
    ("scipy", "loss"),
    [
        (None, "mean of the output: the model's loss needs scipy, which is not installed"),
        (object(), "class and box of each object"),
    ],
)
def test_objects_are_labels_where_their_loss_can_be_computed(scipy, loss, monkeypatch):
    found = __import__("importlib").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: scipy if name == "scipy" else found(name))
    prepared = prepare(COMPOSED["detr"], "training")
    assert prepared.details["loss"] == loss
    assert ("training minimises the mean" in prepared.note) == (scipy is None)
    if scipy is None:
        assert prepared.call().isfinite()


def test_a_head_of_whisper_without_decoder_has_no_note_of_one():
    prepared = prepare(tiny("whisper", "WhisperForAudioClassification"))
    assert prepared.note == "no sequence length: the encoder always has 32 frames (0.32 s of audio)"
