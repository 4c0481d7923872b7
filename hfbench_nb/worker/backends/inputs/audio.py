"""Recordings: samples and spectrograms."""

from __future__ import annotations

import re
from math import prod
from typing import Any

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, lookup, main_input, makes, takes

# Parts of configurations that describe what hears.
HEARING = re.compile(r"audio|speech|sound|^encoder(_config)?$|^thinker_config$")
_SAMPLES_PER_SECOND = 16_000
# Who reads the text, by its argument.
_READERS = {"input_ids": "text", "decoder_input_ids": "decoder"}


def _size(ask: Ask, *names: str) -> int | None:
    found = lookup(ask.config, HEARING, *names)
    return found if isinstance(found, int) else None


def _is_beside_text(model: Any) -> bool:
    """Return whether a model takes audio beside a text, and not as another input of the same encoder."""
    is_either = bool(getattr(model.config, "is_encoder_decoder", False))
    return main_input(model) == "input_ids" and takes("input_ids")(model) and not is_either


# ---- samples


@makes("input_values", wanted=_is_beside_text)
def _waveform(ask: Ask) -> np.ndarray:
    """Return noise: samples that yield `length` frames, or a spectrogram if the model takes one of a fixed size.

    Shape ``(batch size, samples)`` or ``(batch size, frames, mel bins)``.
    """
    kernels, strides = lookup(ask.config, HEARING, "conv_kernel"), lookup(ask.config, HEARING, "conv_stride")
    if kernels and strides:
        samples = ask.length
        for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
            samples = (samples - 1) * stride + kernel
        seconds = samples / _SAMPLES_PER_SECOND
        long = f"{samples:,} samples, {seconds:.2f} s at 16 kHz"
        ask.note(f"the sequence length counts frames of audio: {ask.length} are {long}", "audio")
        return ask.noise(samples)
    frames, bins = _size(ask, "max_length"), _size(ask, "num_mel_bins")
    if frames and bins:
        ask.note(f"no sequence length: spectrograms of {frames} frames x {bins}", "audio")
        return ask.noise(frames, bins)
    raise ask.unknown("the length of its audio")


def _ratios(model: Any) -> list[int]:
    config = model.config
    found = getattr(config, "upsampling_ratios", None) or getattr(config, "downsampling_ratios", None)
    return [int(ratio) for ratio in found or ()]


@makes("input_values", fits=lambda model: bool(_ratios(model)) and main_input(model) == "input_values")
def _codec_waveform(ask: Ask) -> np.ndarray:
    """Return samples that a codec makes `length` frames of, shape ``(batch size, channels, samples)``."""
    hop = int(getattr(ask.config, "hop_length", None) or prod(_ratios(ask.model)))
    rate = int(getattr(ask.config, "sampling_rate", None) or _SAMPLES_PER_SECOND)
    samples = ask.length * hop
    ask.note(
        f"the sequence length counts frames of audio: {ask.length} are {samples:,} samples, {samples / rate:.2f} s at "
        f"{rate / 1000:g} kHz"
    )
    return ask.noise(int(getattr(ask.config, "audio_channels", None) or 1), samples)


# ---- spectrograms


@makes("input_features", wanted=_is_beside_text)
def _features(ask: Ask) -> np.ndarray:
    """Return noise as a spectrogram.

    Shape ``(batch size, mel bins, frames)`` where the encoder has a fixed number of frames, as in Whisper; otherwise
    ``(batch size, frames, features)``.
    """
    bins = _size(ask, "num_mel_bins", "mel_bins")
    positions = _size(ask, "max_source_positions")
    if bins and positions:
        frames = 2 * positions
        reads = f"the encoder always has {frames} frames ({frames / 100:g} s of audio)"
        reader = next((who for name, who in _READERS.items() if name in ask.names), None)
        length = f"{reads}; the sequence length is the {reader}'s" if reader else f"no sequence length: {reads}"
        ask.note(length, "audio")
        return ask.noise(bins, frames)
    channels, layers = _size(ask, "input_feat_per_channel"), _size(ask, "num_conv_layers")
    if channels and layers:
        frames = ask.length * 2**layers
        ask.note(
            f"the sequence length counts the encoder's frames, of {frames // ask.length} frames of audio each, and the "
            "decoder's tokens"
        )
        return ask.noise(frames, channels * ask.config.input_channels)
    width = _size(ask, "feature_projection_input_dim", "input_dim", "input_feat_size", "num_mel_channels") or bins
    convolutions = lookup(ask.config, HEARING, "subsampling_conv_channels")
    width = width or (convolutions[0] if convolutions else None)  # Gemma 4 derives its layers from that
    if width:
        beside = f"each text with {ask.length} frames of audio"
        ask.note(beside if "input_ids" in ask.names else "the sequence length counts frames of audio", "audio")
        return ask.noise(ask.length, width)
    raise ask.unknown("the length of its audio")


def _clap_config(model: Any) -> Any:
    config = getattr(model.config, "audio_config", None) or model.config
    return config if hasattr(config, "spec_size") else None


@makes("input_features", wanted=lambda model: True, fits=lambda model: _clap_config(model) is not None)
def _clap_features(ask: Ask) -> np.ndarray:
    """Return spectrograms of the length that the model makes of all, shape ``(batch size, 1, frames, mel bins)``."""
    config = _clap_config(ask.model)
    frames = config.spec_size * (config.spec_size // config.num_mel_bins)
    ask.note(f"spectrograms of {frames} frames x {config.num_mel_bins}", "audio")
    return ask.noise(4 if getattr(config, "enable_fusion", False) else 1, frames, config.num_mel_bins)


@makes("is_longer", wanted=lambda model: getattr(_clap_config(model), "enable_fusion", False))
def _is_longer(ask: Ask) -> np.ndarray:
    return np.zeros((ask.batch_size, 1), np.int64)


def _clvp_width(model: Any) -> int | None:
    return getattr(getattr(model.config, "decoder_config", None), "feature_size", None)


@makes("input_features", wanted=_is_beside_text, fits=lambda model: _clvp_width(model) is not None)
def _clvp_features(ask: Ask) -> np.ndarray:
    """Return a spectrogram of the voice to speak with, shape ``(batch size, features, frames)``."""
    ask.note(f"each text with {ask.length} frames of audio", "audio")
    return ask.noise(int(_clvp_width(ask.model) or 0), ask.length)


def _frame_mask(ask: Ask) -> np.ndarray:
    """Return which frames of the spectrogram are not padding: all."""
    features = ask.arrays["input_features"]
    frames = features.shape[2 if features.shape[1] == _size(ask, "num_mel_bins", "mel_bins") else 1]
    return np.ones((ask.batch_size, frames), np.bool_)


def _masks_frames(model: Any) -> bool:
    # With a projector between encoder and text, as in Granite Speech, the mask is of the vectors that it makes.
    return takes("input_features")(model) and _is_beside_text(model) and not hasattr(model.config, "projector_config")


makes("input_features_mask", wanted=_masks_frames)(_frame_mask)
makes("feature_attention_mask", wanted=_masks_frames)(_frame_mask)
