"""Images, videos, audio and documents: each kind of input is made, told, and reaches every part of the model."""

from __future__ import annotations

import base64
import pickle

import pytest
import torch
import transformers
from support import workloads
from support.models import short
from support.outputs import first_tensor

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.worker.backends.pytorch_parts import PartsWatch

pytestmark = pytest.mark.measures

BATCH, LENGTH = 2, 8
TEXT = {
    "vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
    "max_position_embeddings": 600, "pad_token_id": 0,
}  # fmt: skip
LLAMA = {**TEXT, "model_type": "llama", "num_key_value_heads": 2}
IMAGES = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "image_size": 32,
    "patch_size": 8,
}  # fmt: skip
CLIP = {**IMAGES, "model_type": "clip_vision_model"}
WHISPER = {"num_mel_bins": 8, "d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64,
           "max_source_positions": 16}  # fmt: skip


def config_of(model_type, **fields):
    return transformers.AutoConfig.for_model(model_type, **fields)


def prepare(config, task="inference"):
    """Prepare a workload and run it once; return what was prepared and the whole note."""
    pickled = base64.b64encode(pickle.dumps((config, {}))).decode()
    runtime = workloads.open_runtime("PyTorch")
    with runtime.hear() as heard:
        prepared = workloads.prepare(runtime, ModelSpec("test", {}, "test", pickled=pickled), task, BATCH, LENGTH)
        output = prepared.call()
    assert first_tensor(output).isfinite().all()
    return prepared, "; ".join([prepared.note, *heard])


KINDS = {
    "images beside text": (
        lambda: config_of("vilt", **TEXT, image_size=32, patch_size=8),
        {"input_ids": [2, 8], "pixel_values": [2, 3, 32, 32]}, "each text with one of images of 32 x 32"),
    "videos": (
        lambda: config_of("videomae", **IMAGES, num_frames=4, tubelet_size=2, decoder_hidden_size=32,
                          decoder_num_hidden_layers=1, decoder_num_attention_heads=2, decoder_intermediate_size=64),
        {"pixel_values": [2, 4, 3, 32, 32]}, "no sequence length: videos of 4 frames of 32 x 32"),
    "tiles": (
        lambda: config_of("llava_next", text_config=LLAMA, vision_config=CLIP, image_token_index=7,
                          image_grid_pinpoints=[[32, 64], [64, 64]]),
        {"input_ids": [2, 60], "pixel_values": [2, 3, 3, 32, 32], "image_sizes": [2, 2]},
        "52 tokens of the image come before those of the sequence length; each text with one of images of 32 x 64, as "
        "3 of 32 x 32"),
    "lists of images": (
        lambda: config_of("idefics3", text_config=LLAMA, vision_config={**IMAGES, "image_size": 32},
                          image_token_id=7, scale_factor=2),
        {"input_ids": [2, 12], "pixel_values": [2, 1, 3, 32, 32]},
        "4 tokens of the image come before those of the sequence length; each text with one of images of 32 x 32"),
    "patches and their shape": (
        lambda: config_of("siglip2_vision_model", **{k: v for k, v in IMAGES.items() if k != "image_size"},
                          num_patches=16),
        {"pixel_values": [2, 16, 192], "spatial_shapes": [2, 2], "pixel_attention_mask": [2, 16]},
        "no sequence length: images of 32 x 32, as 16 patches"),
    "boxes and the page": (
        lambda: config_of("layoutlmv3", **TEXT, input_size=32, patch_size=8, coordinate_size=4, shape_size=8,
                          max_2d_position_embeddings=64, rel_pos_bins=8, max_rel_pos=16, rel_2d_pos_bins=8,
                          max_rel_2d_pos=16),
        {"input_ids": [2, 8], "bbox": [2, 8, 4], "pixel_values": [2, 3, 32, 32]},
        "each token has a box of its own on the page; each text with one of images of 32 x 32"),
    "regions of an image": (
        lambda: config_of("visual_bert", **TEXT, visual_embedding_dim=16),
        {"input_ids": [2, 8], "visual_embeds": [2, 36, 16], "visual_token_type_ids": [2, 36],
         "visual_attention_mask": [2, 36], "attention_mask": [2, 8]},
        "each text with features of 36 regions of an image, as a detector makes them"),
    "audio in a text": (
        lambda: config_of("qwen2_audio", audio_config={**WHISPER, "model_type": "qwen2_audio_encoder"},
                          text_config={**LLAMA, "model_type": "qwen2"}, audio_token_index=7),
        {"input_ids": [2, 16], "input_features": [2, 8, 32], "feature_attention_mask": [2, 32]},
        "the encoder always has 32 frames (0.32 s of audio); the sequence length is the text's; 8 tokens of the audio "
        "come before those of the sequence length"),
    "time series": (
        lambda: config_of("time_series_transformer", prediction_length=4, context_length=8, lags_sequence=[1, 3],
                          num_time_features=2, d_model=32, encoder_layers=1, decoder_layers=1),
        {"past_values": [2, 11], "past_time_features": [2, 11, 2], "past_observed_mask": [2, 11],
         "future_values": [2, 4], "future_time_features": [2, 4, 2]},
        "no sequence length: series of 11 steps"),
    "trajectories": (
        lambda: config_of("decision_transformer", hidden_size=32, n_layer=1, n_head=2, state_dim=5, act_dim=3,
                          max_ep_len=64),
        {"states": [2, 8, 5], "actions": [2, 8, 3], "rewards": [2, 8, 1], "returns_to_go": [2, 8, 1],
         "timesteps": [2, 8]},
        "the sequence length counts steps of a trajectory"),
    "samples of a codec": (
        lambda: config_of("dac", encoder_hidden_size=8, downsampling_ratios=[2, 4], decoder_hidden_size=32,
                          n_codebooks=2, codebook_size=16, upsampling_ratios=[4, 2], hidden_size=32),
        {"input_values": [2, 1, 64]},
        "the sequence length counts frames of audio: 8 are 64 samples, 0.00 s at 16 kHz"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_input_is_made_and_told_and_reaches_every_part(kind):
    make, shapes, note = KINDS[kind]
    prepared, said = prepare(make())
    assert prepared.details["inputs"] == shapes
    assert said == note


@pytest.mark.parametrize("kind", ["images beside text", "tiles", "lists of images", "audio in a text"])
def test_each_kind_of_input_can_be_trained_with(kind):
    make, shapes, _ = KINDS[kind]
    prepared, _ = prepare(make(), "training")
    assert prepared.details["inputs"] == shapes
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in prepared.model.parameters())


def test_patches_of_all_images_are_one_list_with_a_grid_for_each():
    rope = {"type": "mrope", "mrope_section": [2, 3, 3]}
    config = config_of(
        "qwen2_vl", text_config={**TEXT, "num_key_value_heads": 2, "rope_scaling": rope}, image_token_id=7,
        vision_start_token_id=8, vision_end_token_id=9,
        vision_config={"depth": 1, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "patch_size": 14},
    )  # fmt: skip
    prepared, note = prepare(config)
    assert prepared.details["inputs"]["pixel_values"] == [BATCH * 16 * 16, 3 * 2 * 14 * 14]
    assert prepared.details["inputs"]["image_grid_thw"] == [BATCH, 3]
    assert "64 tokens of the image come before" in note
    assert "images of 224 x 224, as 256 patches" in note
    assert "did not run" not in note


def test_what_the_model_cannot_take_with_its_configuration_is_left_out_and_told_in_the_results():
    vision = {**IMAGES, "model_type": "siglip_vision_model", "image_size": 40}  # five patches, which two cannot divide
    config = config_of("aya_vision", text_config=LLAMA, vision_config=vision, downsample_factor=2, image_token_index=7)
    results = PyTorchBenchmark(short(models=["aya"]), configs=[config]).run()
    ((_, measured),) = results.entries
    assert measured.status == "ok"
    assert measured.details["inputs"] == {"input_ids": [1, 8]}
    assert "without image, which the model does not take with this configuration" in measured.note
    assert "parts of the model that did not run: vision_tower" in measured.note


def test_a_token_that_the_configuration_lacks_is_named():
    vision = {**IMAGES, "model_type": "blip_2_vision_model"}
    config = config_of(
        "blip-2", vision_config=vision, text_config=LLAMA, image_token_index=None, num_query_tokens=4,
        qformer_config={**TEXT, "model_type": "blip_2_qformer", "encoder_hidden_size": 32},
    )  # fmt: skip
    with pytest.raises(NotImplementedError, match="its configuration lacks image_token_"):
        prepare(config)


def test_parts_that_did_not_run_are_told_but_not_layers_among_which_a_model_chooses():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.reader, self.viewer = (torch.nn.Sequential(torch.nn.Linear(2, 2)) for _ in range(2))
            self.experts = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(3))
            self.tied = torch.nn.Linear(2, 2)

        def forward(self, numbers):
            return self.experts[0](self.reader(numbers))

    model, watch = Model(), PartsWatch()
    with watch.watching():
        model.viewer(torch.ones(1, 2))  # before the call that counts
        watch.begin(model)
        model(torch.ones(1, 2))
    model.viewer(torch.ones(1, 2))  # nobody looks any more
    assert watch.notes() == ["parts of the model that did not run: viewer"]
