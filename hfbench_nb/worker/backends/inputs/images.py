"""Images."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, forward_arguments, makes

# Defaults for sizes that a configuration may leave open.
_IMAGE_SIZE = 224
_CHANNELS = 3


def _wanted(model: Any) -> bool:
    has_images = getattr(model.config, "vision_config", None) is not None
    return has_images and "image_grid_thw" not in forward_arguments(model)


@makes("pixel_values", wanted=_wanted)
def _images(ask: Ask) -> np.ndarray:
    """Return noise, shape ``(batch size, channels, height, width)``."""
    return ask.noise(*image_shape(ask))


def image_shape(ask: Ask) -> tuple[int, int, int]:
    """Return the channels, height and width of the model's images."""
    config = ask.part("vision_config" if hasattr(ask.config, "vision_config") else "encoder")
    size = getattr(config, "image_size", None) or _IMAGE_SIZE
    if isinstance(size, dict):
        size = (size["height"], size["width"])
    height, width = size if isinstance(size, list | tuple) else (size, size)
    return int(getattr(config, "num_channels", None) or _CHANNELS), int(height), int(width)
