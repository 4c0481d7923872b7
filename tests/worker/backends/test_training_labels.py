"""Labels for training: what each head minimises."""

from __future__ import annotations

import pytest
from support.families import prepare
from support.outputs import first_tensor
from support.tiny import tiny

from hfbench_nb.protocol.request import ModelSpec

# One process imports the code of each type, and builds its model once.
pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("families")]

HEADS = {
    ("bert", "BertModel"): "mean of the output: the model has no loss",
    ("bert", "BertForPreTraining"): "each token and the next sentence",
    ("bert", "BertForSequenceClassification"): "class of the text",
    ("bert", "BertForTokenClassification"): "class of each token",
    ("bert", "BertForQuestionAnswering"): "span of the answer",
    ("bert", "BertForMultipleChoice"): "the right choice",
    ("bert", "BertForNextSentencePrediction"): "the next sentence",
    ("albert", "AlbertForPreTraining"): "each token and the order of the sentences",
    ("distilbert", "DistilBertForTokenClassification"): "class of each token",
    ("roberta", "RobertaForMultipleChoice"): "the right choice",
    ("deberta-v2", "DebertaV2ForSequenceClassification"): "class of the text",
    ("longformer", "LongformerForTokenClassification"): "class of each token",
    ("big_bird", "BigBirdForSequenceClassification"): "class of the text",
    ("gpt2", "GPT2ForTokenClassification"): "class of each token",
    ("llama", "LlamaForSequenceClassification"): "class of the text",
    ("llama", "LlamaForQuestionAnswering"): "span of the answer",
    ("t5", "T5Model"): "mean of the output: the model has no loss",
    ("t5", "T5EncoderModel"): "mean of the output: the model has no loss",
    ("bart", "BartForSequenceClassification"): "class of the text",
    ("bart", "BartForQuestionAnswering"): "span of the answer",
    ("bart", "BartForCausalLM"): "each token",
    ("vit", "ViTModel"): "mean of the output: the model has no loss",
    ("deit", "DeiTForImageClassificationWithTeacher"): "mean of the output: the model has no loss",
    ("clip", "CLIPTextModel"): "mean of the output: the model has no loss",
    ("clip", "CLIPVisionModel"): "mean of the output: the model has no loss",
    ("clip", "CLIPForImageClassification"): "class of the image",
    ("whisper", "WhisperModel"): "mean of the output: the model has no loss",
    ("whisper", "WhisperForAudioClassification"): "class of the audio",
    ("wav2vec2", "Wav2Vec2Model"): "mean of the output: the model has no loss",
    ("wav2vec2", "Wav2Vec2ForPreTraining"): "mean of the output: labels for the model's loss cannot be made yet",
    ("wav2vec2", "Wav2Vec2ForXVector"): "speaker of the audio",
    ("wav2vec2", "Wav2Vec2ForAudioFrameClassification"): "class of each frame",
    ("wav2vec2", "Wav2Vec2ForSequenceClassification"): "class of the audio",
}


@pytest.mark.parametrize(("model_type", "head"), HEADS)
def test_labels_fit_the_head(model_type, head):
    config = tiny(model_type, head)
    if head in ("CLIPTextModel", "CLIPVisionModel"):  # a part of the model, with the configuration of that part
        part = "text_config" if head == "CLIPTextModel" else "vision_config"
        config = {**config[part], "model_type": f"clip_{part.removesuffix('_config')}_model", "architectures": [head]}
    spec = ModelSpec(model_type, config, "test")
    assert first_tensor(prepare(spec)[2]()).isfinite().all()
    model, prepared, call = prepare(spec, "training")
    assert type(model).__name__ == head
    assert call().isfinite()
    assert prepared.details["loss"] == HEADS[(model_type, head)]
    says_so = "training minimises the mean of the output" in prepared.note
    assert says_so == prepared.details["loss"].startswith("mean of the output")


@pytest.mark.parametrize(
    ("model_type", "class_name"),
    [
        ("bert", "BertForMaskedLM"), ("gpt2", "GPT2LMHeadModel"), ("bart", "BartForConditionalGeneration"),
        ("t5", "T5ForConditionalGeneration"), ("whisper", "WhisperForConditionalGeneration"),
        ("wav2vec2", "Wav2Vec2ForCTC"), ("vit", "ViTForImageClassification"), ("clip", "CLIPModel"),
        ("llava", "LlavaForConditionalGeneration"), ("mistral", "MistralForCausalLM"),
    ],
)  # fmt: skip
def test_without_an_architecture_training_takes_the_head_that_the_family_is_for(model_type, class_name):
    config = tiny(model_type)
    del config["architectures"]
    assert type(prepare(ModelSpec(model_type, config, "test"), "training")[0]).__name__ == class_name
