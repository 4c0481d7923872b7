"""Recordings: samples and spectrograms."""

from __future__ import annotations

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, makes

_SAMPLES_PER_SECOND = 16_000


@makes("input_values")
def _waveform(ask: Ask) -> np.ndarray:
    """Return noise: samples that yield `length` frames, or a spectrogram if the model takes one of a fixed size.

    Shape ``(batch size, samples)`` or ``(batch size, frames, mel bins)``.
    """
    config = ask.part("encoder")
    if hasattr(config, "conv_kernel") and hasattr(config, "conv_stride"):
        samples = ask.length
        for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
            samples = (samples - 1) * stride + kernel
        seconds = samples / _SAMPLES_PER_SECOND
        long = f"{samples:,} samples, {seconds:.2f} s at 16 kHz"
        ask.notes.append(f"the sequence length counts frames of audio: {ask.length} are {long}")
        return ask.noise(samples)
    if hasattr(config, "max_length") and hasattr(config, "num_mel_bins"):
        ask.notes.append(f"no sequence length: spectrograms of {config.max_length} frames x {config.num_mel_bins}")
        return ask.noise(config.max_length, config.num_mel_bins)
    raise NotImplementedError(
        f"{type(ask.model).__name__}: the length of its audio cannot be derived from its configuration"
    )


@makes("input_features")
def _features(ask: Ask) -> np.ndarray:
    """Return noise as a spectrogram.

    Shape ``(batch size, mel bins, frames)`` where the encoder has a fixed number of frames, as in Whisper; otherwise
    ``(batch size, frames, features)``.
    """
    config = ask.config
    if hasattr(config, "num_mel_bins") and hasattr(config, "max_source_positions"):
        frames = 2 * config.max_source_positions
        seconds = frames / 100
        reads = f"the encoder always has {frames} frames ({seconds:g} s of audio)"
        has_decoder = "decoder_input_ids" in ask.names
        ask.notes.append(
            f"{reads}; the sequence length is the decoder's" if has_decoder else f"no sequence length: {reads}"
        )
        return ask.noise(config.num_mel_bins, frames)
    if hasattr(config, "input_feat_per_channel") and hasattr(config, "num_conv_layers"):
        frames = ask.length * 2**config.num_conv_layers
        ask.notes.append(
            f"the sequence length counts the encoder's frames, of {frames // ask.length} frames of audio each, and the "
            "decoder's tokens"
        )
        return ask.noise(frames, config.input_feat_per_channel * config.input_channels)
    if hasattr(config, "feature_projection_input_dim"):
        ask.notes.append("the sequence length counts frames of audio")
        return ask.noise(ask.length, config.feature_projection_input_dim)
    raise NotImplementedError(
        f"{type(ask.model).__name__}: the length of its audio cannot be derived from its configuration"
    )
