"""Every family of models: built right, given what it takes, measured in both tasks."""

from __future__ import annotations

import functools
import json
import os
import sys
import warnings

import pytest
import torch
import transformers
from support import workloads
from support.models import short
from support.places import ROOT
from support.tiny import LIMITED, TINY, UNLIMITED, tiny

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.configurations import catalog
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.worker.backends import pytorch_models
from hfbench_nb.worker.backends.inputs import make_inputs
from hfbench_nb.worker.backends.pytorch_outputs import first_tensor

# One process imports the code of each type, and builds its model once.
pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("families")]

CPU = torch.device("cpu")
BATCH, LENGTH = 2, 16

every_type = pytest.mark.parametrize("model_type", TINY)


def spec_of(model_type, architecture=None, **more):
    return ModelSpec(model_type, tiny(model_type, architecture, **more), "test")


def prepare(spec, task="inference", length=LENGTH, settings=None, **method):
    prepared = workloads.prepare(workloads.open_runtime("PyTorch", settings, **method), spec, task, BATCH, length)
    return prepared.model, prepared, prepared.call


@functools.cache
def prepared_inference(model_type):
    """Return what `prepare` does for a type, to tests that change nothing of it."""
    return prepare(spec_of(model_type))


def test_there_are_at_least_thirty_types_with_all_of_the_catalogue_and_the_documentation_lists_them():
    assert len(TINY) >= 30
    # PyTorch cannot run Transformer-XL any more, with any version that has its code.
    assert {checkpoint.config["model_type"] for checkpoint in catalog.checkpoints()} - {"transfo-xl"} <= set(TINY)
    page = (ROOT / "SUPPORTED_MODELS.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert listed >= set(TINY)


@every_type
def test_a_model_built_fast_computes_what_one_built_ordinarily_does(model_type):
    fast, _, call = prepared_inference(model_type)
    ordinary = type(fast)(fast.config).eval()
    assert [name for name, _ in fast.named_parameters()] == [name for name, _ in ordinary.named_parameters()]
    made = dict(ordinary.named_buffers()) | {n: p for n, p in ordinary.named_parameters() if not p.requires_grad}
    ours = dict(fast.named_buffers()) | {n: p for n, p in fast.named_parameters() if not p.requires_grad}
    assert made.keys() == ours.keys()
    for name, tensor in made.items():
        torch.testing.assert_close(ours[name], tensor, msg=lambda text, name=name: f"{name}: {text}")
    ordinary.load_state_dict(fast.state_dict())
    inputs = pytorch_models.to_tensors(make_inputs(fast, BATCH, LENGTH, seed=0).arrays, fast, CPU)
    torch.manual_seed(0)
    one = first_tensor(call())
    torch.manual_seed(0)
    other = first_tensor(pytorch_models.infer(ordinary, inputs))
    assert one.isfinite().all()
    assert one.float().std() > 1e-5
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@every_type
def test_every_weight_is_finite_and_none_is_denormal(model_type):
    model, *_ = prepared_inference(model_type)
    for name, parameter in model.named_parameters():
        assert parameter.isfinite().all(), name
        assert not ((parameter != 0) & (parameter.abs() < torch.finfo(parameter.dtype).tiny)).any(), name


@every_type
def test_training_minimises_what_the_head_is_for(model_type):
    model, prepared, call = prepare(spec_of(model_type), "training")
    assert call().isfinite()
    assert "no loss" not in prepared.details["loss"]
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert any(gradient.abs().max() > 0 for gradient in gradients)


@every_type
def test_the_batch_size_is_the_first_dimension_of_every_input(model_type):
    _, prepared, _ = prepared_inference(model_type)
    shapes = prepared.details["inputs"]
    assert shapes
    assert all(shape[0] == BATCH for shape in shapes.values())


def test_the_same_seed_builds_the_same_model():
    one, other = (prepare(spec_of("mamba"), seed=seed)[0].state_dict() for seed in (3, 3))
    assert all(torch.equal(one[name], other[name]) for name in one)


# ---- heads

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


# ---- what batch size and sequence length mean


@pytest.mark.parametrize(
    ("model_type", "shapes", "note"),
    [
        ("bert", {"input_ids": [2, 16]}, None),
        ("t5", {"input_ids": [2, 16], "decoder_input_ids": [2, 16]}, None),
        ("vit", {"pixel_values": [2, 3, 32, 32]}, "no sequence length: images of 32 x 32"),
        ("clip", {"input_ids": [2, 16], "pixel_values": [2, 3, 32, 32]}, "each text with one of images of 32 x 32"),
        ("whisper", {"input_features": [2, 8, 32], "decoder_input_ids": [2, 16]},
         "the encoder always has 32 frames (0.32 s of audio); the sequence length is the decoder's"),
        ("wav2vec2", {"input_values": [2, 170]},
         "the sequence length counts frames of audio: 16 are 170 samples, 0.01 s at 16 kHz"),
        ("audio-spectrogram-transformer", {"input_values": [2, 32, 16]},
         "no sequence length: spectrograms of 32 frames x 16"),
        ("llava", {"input_ids": [2, 32], "pixel_values": [2, 3, 32, 32]},
         "16 tokens of the image come before those of the sequence length; each text with one of images of 32 x 32"),
        ("longformer", {"input_ids": [2, 16]}, None),
        ("big_bird", {"input_ids": [2, 16]},
         "full attention: the sequence is too short for block-sparse attention"),
    ],
)  # fmt: skip
def test_the_inputs_are_told_and_what_the_length_means(model_type, shapes, note):
    _, prepared, call = prepare(spec_of(model_type))
    call()
    assert prepared.details["inputs"] == shapes
    assert prepared.note == (note or "")


@pytest.mark.parametrize("length", [1, 2, 7, 33])
@pytest.mark.parametrize("model_type", ["wav2vec2", "hubert", "wavlm"])
def test_a_model_of_audio_sees_as_many_frames_as_asked_for(model_type, length):
    _, _, call = prepare(spec_of(model_type), length=length)
    assert call()[0].shape[:2] == (BATCH, length)


def test_a_second_of_speech_is_fifty_frames():
    spec = ModelSpec("facebook/wav2vec2-base", {
        **tiny("wav2vec2"), "conv_dim": [16] * 7, "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
        "conv_stride": [5, 2, 2, 2, 2, 2, 2], "num_feat_extract_layers": 7,
    }, "test")  # fmt: skip
    _, prepared, call = prepare(spec, length=49)
    assert call()[0].shape[1] == 49
    assert prepared.details["inputs"] == {"input_values": [2, 15_760]}
    assert "0.98 s at 16 kHz" in prepared.note


def test_no_token_is_padding_or_the_end():
    model, *_ = prepare(spec_of("roberta"))
    ids = make_inputs(model, 8, 60, seed=0).arrays["input_ids"]
    assert not set(ids.flat) & {1, 2}
    assert len(set(ids.flat)) > 90


# ---- lengths


@pytest.mark.parametrize("model_type", LIMITED)
def test_the_last_position_is_reached_and_one_more_is_refused(model_type):
    longest = LIMITED[model_type]
    model, _, call = prepare(spec_of(model_type), length=longest)
    assert first_tensor(call()).isfinite().all()
    words = f"sequence_length {longest + 1} is beyond the {longest} positions of {type(model).__name__}"
    with pytest.raises(ValueError, match=words):
        prepare(spec_of(model_type), length=longest + 1)


@pytest.mark.parametrize("model_type", UNLIMITED)
def test_relative_and_rotary_positions_have_no_end(model_type):
    assert first_tensor(prepare(spec_of(model_type), length=100)[2]()).isfinite().all()


def test_a_length_out_of_reach_is_a_row_that_says_so():
    args = short(models=["limited"], sequence_lengths=[8, 65])
    config = transformers.AutoConfig.for_model(**tiny("gpt2"))
    frame = PyTorchBenchmark(args, configs=[config]).run().frame
    assert list(frame["status"]) == ["ok", "error"]
    assert frame["error"][1] == "ValueError: sequence_length 65 is beyond the 64 positions of GPT2LMHeadModel"


@pytest.mark.parametrize("task", ["inference", "training"])
@pytest.mark.parametrize("length", [1, 5, 56, 57, 60, 128])
def test_big_bird_takes_every_length(length, task):
    model, prepared, call = prepare(spec_of("big_bird"), task, length=length)
    assert first_tensor(call()).isfinite().all()
    is_sparse = length > 56
    assert model.bert.attention_type == ("block_sparse" if is_sparse else "original_full")
    assert prepared.note.startswith("block-sparse attention" if is_sparse else "full attention")
    assert ("pads to 64" in prepared.note) == (length in (57, 60))


@pytest.mark.parametrize("task", ["inference", "training"])
@pytest.mark.parametrize("length", [1, 5, 8, 60])
def test_longformer_takes_every_length(length, task):
    _, prepared, call = prepare(spec_of("longformer"), task, length=length)
    assert first_tensor(call()).isfinite().all()
    assert ("windows of 8" in prepared.note) == (length != 8)


# ---- notes in the results, and real processes


def test_notes_are_shown_where_the_figures_are():
    configs = [transformers.AutoConfig.for_model(**tiny(name)) for name in ("vit", "bert")]
    results = PyTorchBenchmark(short(models=["vit", "bert"], training=True), configs=configs).run()
    assert list(results.frame["status"]) == ["ok"] * 4, list(results.frame["error"])
    assert str(results).count("Note: vit: no sequence length: images of 32 x 32") == 4
    assert "Note: bert" not in str(results)
    # On hover over time and memory, and over throughput, time per token and share of the peak, which are folded.
    assert results._repr_html_().count("no sequence length: images of 32 x 32") == 10
    assert results.entries[0][1].details["inputs"] == {"pixel_values": [1, 3, 32, 32]}


@pytest.mark.parametrize("model_type", ["whisper", "wav2vec2", "clip", "qwen2_moe"])
def test_other_families_are_measured_in_a_process_of_their_own(model_type):
    config = transformers.AutoConfig.for_model(**tiny(model_type))
    results = PyTorchBenchmark(short(training=True), configs=[config]).run()
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])


def test_an_input_that_cannot_be_made_is_named():
    class Odd(torch.nn.Module):
        config = transformers.AutoConfig.for_model("bert")
        main_input_name = "point_cloud"

        def forward(self, point_cloud):
            return point_cloud

    with pytest.raises(NotImplementedError, match="Odd needs point_cloud: inputs of this kind cannot be made yet"):
        make_inputs(Odd(), 1, 1, seed=0)


def test_no_deprecation_reaches_the_user(capfd):
    with warnings.catch_warnings(record=True) as caught:
        for model_type in ("gpt_neo", "longformer", "wav2vec2", "t5"):
            prepare(spec_of(model_type), "training")[2]()
    mine = [w for w in caught if issubclass(w.category, DeprecationWarning | FutureWarning)]
    assert not mine, [str(w.message) for w in mine]
    assert capfd.readouterr().err == ""


# ---- code that comes with a model

REMOTE_CODE = """
import os, pathlib
import torch
from transformers import PretrainedConfig, PreTrainedModel

pathlib.Path(__file__).with_name("imported").touch()
pathlib.Path(os.environ["HFBENCH_TEST_MARK"]).write_text(str(os.getpid()))


class OwnConfig(PretrainedConfig):
    model_type = "own_of_this_test"

    def __init__(self, width=8, vocab_size=50, **kwargs):
        self.width = width
        self.vocab_size = vocab_size
        super().__init__(**kwargs)


class OwnModel(PreTrainedModel):
    config_class = OwnConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = torch.nn.Embedding(config.vocab_size, config.width)
        self.post_init()

    def _init_weights(self, module):
        pass

    def forward(self, input_ids):
        return (self.embed(input_ids),)
"""


@pytest.fixture
def remote(tmp_path, monkeypatch):
    folder = tmp_path / "own"
    folder.mkdir()
    config = {
        "model_type": "own_of_this_test", "architectures": ["OwnModel"], "width": 12, "vocab_size": 50,
        "auto_map": {"AutoConfig": "modeling_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling_own.py").write_text(REMOTE_CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("HFBENCH_TEST_MARK", str(tmp_path / "mark"))
    return tmp_path / "mark"


def test_code_that_comes_with_a_model_runs_in_the_child_alone_and_only_when_asked_for(remote):
    refused = PyTorchBenchmark(short(models=["own"])).run()
    (error,) = refused.frame["error"]
    assert "own is defined by code of its own" in error
    assert "trust_remote_code=True" in error
    assert not remote.exists()

    results = PyTorchBenchmark(short(models=["own"], trust_remote_code=True, training=True)).run()
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    assert {m.model_facts.model_class for _, m in results.entries} == {"OwnModel"}
    assert {m.model_facts.parameters for _, m in results.entries} == {600}
    assert int(remote.read_text()) != os.getpid()
    assert not [name for name in sys.modules if "modeling_own" in name]


@every_type
def test_what_torchscript_traces_computes_what_the_model_does(model_type):
    model, _, call = prepare(spec_of(model_type), settings={"torchscript": True})
    inputs = pytorch_models.to_tensors(make_inputs(model, BATCH, LENGTH, seed=0).arrays, model, CPU)
    torch.manual_seed(0)
    one = first_tensor(call())
    torch.manual_seed(0)
    torch.testing.assert_close(one, first_tensor(pytorch_models.infer(model, inputs)), rtol=1e-4, atol=1e-4)


def test_what_torchscript_cannot_trace_says_so():
    class Untraceable(torch.nn.Module):
        def forward(self, input_ids):
            return {}[input_ids.sum()]

    with pytest.raises(RuntimeError, match=r"cannot trace Untraceable .* torchscript=False runs it untraced"):
        pytorch_models.trace(Untraceable(), {"input_ids": torch.ones(1, 2)})
