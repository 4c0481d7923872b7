"""Inputs that fit a model's forward pass, and the meaning of batch size and sequence length; for every framework."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng

# Defaults for sizes that a configuration may leave open.
_IMAGE_SIZE = 224
_CHANNELS = 3
_SAMPLES_PER_SECOND = 16_000
_CHOICES = 2


@dataclass(frozen=True)
class Inputs:
    """The inputs of a forward pass.

    Attributes
    ----------
    arrays
        Arguments of the forward pass, by name: 64-bit integers or 32-bit floating-point numbers.
    notes
        What a user should know about them, such as what the sequence length means where it is not that of a text.
    """

    arrays: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()

    @property
    def shapes(self) -> dict[str, list[int]]:
        """Shapes of the arrays, by name."""
        return {name: list(array.shape) for name, array in self.arrays.items()}


@dataclass(frozen=True)
class _Ask:
    """What inputs are made for, and the notes collected on the way."""

    model: Any
    batch_size: int
    length: int
    generator: Generator
    notes: list[str] = field(default_factory=list)

    @property
    def config(self) -> Any:
        """The configuration of the whole model."""
        return self.model.config

    def part(self, name: str) -> Any:
        """Return the configuration of a part of the model, or of the whole model if it has no such part."""
        return getattr(self.config, name, None) or self.config

    def noise(self, *shape: int) -> np.ndarray:
        """Draw normal random numbers, shape ``(batch size, *shape)``."""
        return self.generator.standard_normal((self.batch_size, *shape), np.float32)


def forward_arguments(model: Any) -> Mapping[str, inspect.Parameter]:
    """Return the arguments of a model's forward pass, which PyTorch calls ``forward`` and Keras ``call``."""
    return inspect.signature(model.forward if hasattr(model, "forward") else model.call).parameters


def make_inputs(model: Any, batch_size: int, sequence_length: int, seed: int) -> Inputs:
    """Make random inputs from a fixed seed.

    Parameters
    ----------
    batch_size
        Number of examples: texts, images, recordings, or pairs of text and image.
    sequence_length
        Tokens of a text (the decoder's, where only the decoder has text), or frames of a recording; unused by models
        of images alone.

    Raises
    ------
    NotImplementedError
        If the model needs an unknown kind of input.
    """
    ask = _Ask(model, batch_size, sequence_length, default_rng(seed))
    names = _names(model)
    arrays: dict[str, np.ndarray] = {}
    for name in names:
        same = arrays.get("input_ids") if name == "decoder_input_ids" else None
        arrays[name] = _MAKERS[name](ask) if same is None else same
    notes = [*ask.notes, *_image_notes(ask, names), *attention_notes(model.config, sequence_length)]
    return Inputs(arrays, tuple(notes))


def _names(model: Any) -> list[str]:
    """Return the names of the inputs to make: the main input, those implied by the configuration, and required ones."""
    config: Any = model.config
    arguments = forward_arguments(model)
    main = str(getattr(model, "main_input_name", "input_ids"))
    called_for = {
        "input_ids": getattr(config, "text_config", None) is not None,
        "pixel_values": getattr(config, "vision_config", None) is not None and "image_grid_thw" not in arguments,
        "decoder_input_ids": bool(getattr(config, "is_encoder_decoder", False)),
    }
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    required = [name for name, p in arguments.items() if p.default is inspect.Parameter.empty and p.kind in kinds]
    names = [main, *(name for name, wanted in called_for.items() if wanted and name in arguments), *required]
    names = list(dict.fromkeys(names))
    unknown = [name for name in names if name not in _MAKERS]
    if unknown:
        raise NotImplementedError(
            f"{type(model).__name__} needs {' and '.join(unknown)}: inputs of this kind cannot be made yet"
        )
    return names


# ---- one function per input


def _token_ids(ask: _Ask) -> np.ndarray:
    """Return uniform random ids, except those of padding, end of text and images, which have a meaning to models.

    Shape ``(batch size, sequence length)``; ``(batch size, choices, sequence length)`` for multiple choice.
    """
    config = text_config(ask.config)
    special = [getattr(config, name, None) for name in ("pad_token_id", "eos_token_id")]
    image_token = _first(ask.config, "image_token_id", "image_token_index")
    left_out = sorted({i for i in [*special, image_token] if isinstance(i, int) and 0 <= i < config.vocab_size})
    left_out = left_out if len(left_out) < config.vocab_size else []
    several = type(ask.model).__name__.endswith("ForMultipleChoice")
    shape = (ask.batch_size, _CHOICES, ask.length) if several else (ask.batch_size, ask.length)
    ids = ask.generator.integers(config.vocab_size - len(left_out), size=shape)
    for token in left_out:  # in ascending order, so that each id moves past all excluded ones
        ids += ids >= token
    if several:
        ask.notes.append(f"each example has {_CHOICES} choices of the sequence length")
    if type(ask.model).__name__.endswith("ForSequenceClassification") and isinstance(special[1], int):
        ids[..., -1] = special[1]  # some models use the state at the end of the text
    count = _image_tokens(ask, image_token)
    if not count:
        return ids
    ask.notes.append(f"{count} tokens of the image come before those of the sequence length")
    return np.concatenate([np.full((ask.batch_size, count), image_token), ids], axis=1)


def text_config(config: Any) -> Any:
    """Return the configuration of the text that a model reads or, if it only writes text, of that text."""
    return config if hasattr(config, "vocab_size") else config.get_text_config()


def _image_tokens(ask: _Ask, image_token: int | None) -> int:
    """Return how many tokens of the text stand for the image, in models that put images into texts."""
    if image_token is None or "pixel_values" not in _names(ask.model):
        return 0
    count = _first(ask.config, "image_seq_length", "mm_tokens_per_image")
    count = count or _first(ask.part("vision_config"), "num_image_tokens")
    if count is None:
        raise NotImplementedError(
            f"{type(ask.model).__name__}: its configuration does not say how many tokens stand for an image"
        )
    return int(count)


def _first(config: Any, *names: str) -> Any:
    return next((value for name in names if (value := getattr(config, name, None)) is not None), None)


def _images(ask: _Ask) -> np.ndarray:
    """Return noise, shape ``(batch size, channels, height, width)``."""
    return ask.noise(*_image_shape(ask))


def _image_shape(ask: _Ask) -> tuple[int, int, int]:
    config = ask.part("vision_config" if hasattr(ask.config, "vision_config") else "encoder")
    size = getattr(config, "image_size", None) or _IMAGE_SIZE
    if isinstance(size, dict):
        size = (size["height"], size["width"])
    height, width = size if isinstance(size, list | tuple) else (size, size)
    return int(getattr(config, "num_channels", None) or _CHANNELS), int(height), int(width)


def _waveform(ask: _Ask) -> np.ndarray:
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


def _features(ask: _Ask) -> np.ndarray:
    """Return noise as a spectrogram.

    Shape ``(batch size, mel bins, frames)`` where the encoder has a fixed number of frames, as in Whisper; otherwise
    ``(batch size, frames, features)``.
    """
    config = ask.config
    if hasattr(config, "num_mel_bins") and hasattr(config, "max_source_positions"):
        frames = 2 * config.max_source_positions
        seconds = frames / 100
        ask.notes.append(
            f"the encoder always has {frames} frames ({seconds:g} s of audio); the sequence length is the decoder's"
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


def _unknown_audio(ask: _Ask) -> NotImplementedError:
    return NotImplementedError(
        f"{type(ask.model).__name__}: the form of its audio cannot be derived from its configuration"
    )


def _mask(ask: _Ask) -> np.ndarray:
    return np.ones((ask.batch_size, ask.length), np.int64)


_MAKERS: dict[str, Callable[[_Ask], np.ndarray]] = {
    "input_ids": _token_ids,
    "decoder_input_ids": _token_ids,
    "pixel_values": _images,
    "input_values": _waveform,
    "input_features": _features,
    "attention_mask": _mask,
}


def _image_notes(ask: _Ask, names: list[str]) -> list[str]:
    """Describe the images, and what the sequence length means beside them."""
    if "pixel_values" not in names:
        has_images = getattr(ask.config, "vision_config", None) is not None
        return ["text alone: this model splits images in its own way"] if has_images else []
    _, height, width = _image_shape(ask)
    images = f"images of {height} x {width}"
    if "input_ids" in names:
        return [f"each text with one of {images}"]
    if "decoder_input_ids" in names:
        return [f"{images}; the sequence length is the decoder's"]
    return [f"no sequence length: {images}"]


def attention_notes(config: Any, length: int) -> list[str]:
    """Describe how a model with block or window attention handles a sequence of `length` tokens."""
    notes = []
    if getattr(config, "attention_type", None) == "block_sparse":  # BigBird
        if length <= (5 + 2 * config.num_random_blocks) * config.block_size:
            notes.append("full attention: the sequence is too short for block-sparse attention")
        else:
            padding = _padding(length, config.block_size)
            notes.append(f"block-sparse attention, blocks of {config.block_size}{padding}")
    windows = getattr(config, "attention_window", None)  # Longformer
    if windows:
        window = windows if isinstance(windows, int) else max(windows)
        padding = _padding(length, window)
        if padding:
            notes.append(f"attention in windows of {window}{padding}")
    return notes


def _padding(length: int, block: int) -> str:
    padded = -(-length // block) * block
    return f", the model pads to {padded}" if padded > length else ""
