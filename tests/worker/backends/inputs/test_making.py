"""Inputs of each family: what batch size and sequence length mean."""

from __future__ import annotations

import pytest
import torch
import transformers
from support.families import BATCH, prepare, spec_of
from support.tiny import tiny

from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.worker.backends.inputs import make_inputs

# One process imports the code of each type, and builds its model once.
pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("families")]


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


def test_an_input_that_cannot_be_made_is_named():
    class Odd(torch.nn.Module):
        config = transformers.AutoConfig.for_model("bert")
        main_input_name = "point_cloud"

        def forward(self, point_cloud):
            return point_cloud

    with pytest.raises(NotImplementedError, match="Odd needs point_cloud: inputs of this kind cannot be made yet"):
        make_inputs(Odd(), 1, 1, seed=0)
