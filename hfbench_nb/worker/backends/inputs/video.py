"""Videos as arrays of frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, lookup, main_input, makes
from hfbench_nb.worker.backends.inputs.images import VISION, accepts_images, image_size, pixels

# Frames of a video where the configuration leaves their number open.
_FRAMES = 8


def _frames(model: Any) -> int | None:
    found = lookup(model.config, VISION, "num_frames", "frames_per_clip")
    return found if isinstance(found, int) else None


@makes("pixel_values", wanted=accepts_images, fits=lambda model: _frames(model) is not None)
def _video(ask: Ask) -> np.ndarray:
    """Return noise, shape ``(batch size, frames, channels, height, width)``."""
    count = _frames(ask.model) or _FRAMES
    height, width = image_size(ask.model)
    ask.seen["video"] = f"videos of {count} frames of {height} x {width}"
    return pixels(ask, count)


@makes("pixel_values_videos", wanted=lambda model: main_input(model) == "pixel_values_videos")
def _named_video(ask: Ask) -> np.ndarray:
    return _video(ask)
