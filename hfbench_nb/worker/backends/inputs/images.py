"""Images as arrays of pixels."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, first, lookup, makes, takes

# Parts of configurations that describe what reads images.
VISION = re.compile(r"vision|image|visual|backbone|perception|^(encoder|thinker_config|vlm_config)$")
# Defaults for sizes that a configuration may leave open.
_IMAGE_SIZE = 224
_CHANNELS = 3
# Larger images than this are the largest that a model takes, if it takes others.
_SIDE_OF_ONE = 1024


def image_size(model: Any) -> tuple[int, int]:
    """Return the height and width of a model's images."""
    ratios = getattr(model.config, "scaled_images_ratios", None)
    if ratios:  # Depth Pro: the smallest of the scaled images is one patch
        return (int(model.config.patch_size / min(ratios)),) * 2
    size = lookup(model.config, VISION, "image_size", "input_size", "img_size", "crop_size") or _IMAGE_SIZE
    if isinstance(size, dict):
        size = (size["height"], size["width"])
    height, width = size[-2:] if isinstance(size, list | tuple) else (size, size)
    if min(height, width) > _SIDE_OF_ONE and takes("image_sizes")(model):
        height = width = _any_size(model)
    return int(height), int(width)


def _any_size(model: Any) -> int:
    """Return the side of an image for a model that takes any size, and whose configuration says the largest."""
    patch = int(lookup(model.config, VISION, "patch_size") or 1)
    joined = patch * int(lookup(model.config, VISION, "spatial_merge_size") or 1)
    return max(1, _IMAGE_SIZE // joined) * joined


def channels(model: Any) -> int:
    """Return the number of channels of a model's images."""
    found = lookup(model.config, VISION, "num_channels", "in_channels", "in_chans")
    return found if isinstance(found, int) else _CHANNELS


def pixels(ask: Ask, *before: int, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return noise, shape ``(batch size, *before, channels, height, width)``."""
    return ask.noise(*before, channels(ask.model), *(size or image_size(ask.model)))


@makes("high_res_pixel_values", wanted=takes("pixel_values"))
def _images_in_detail(ask: Ask) -> np.ndarray:
    side = int(ask.config.high_res_vision_config.image_size)
    return pixels(ask, size=(side, side))


def accepts_images(model: Any) -> bool:
    """Return whether a model takes pixels: all that do are given them, text or not."""
    return bool(first(model.config, "visual_embed") is not False)


@makes("pixel_values", wanted=accepts_images)
def _images(ask: Ask) -> np.ndarray:
    """Return noise, shape ``(batch size, channels, height, width)``."""
    height, width = image_size(ask.model)
    ask.seen["image"] = f"images of {height} x {width}"
    return pixels(ask)


# ---- images of which each example has several: tiles, or a list of one


def _is_tiled(model: Any) -> bool:
    return bool(_tilings(model)) and takes("image_sizes")(model)


def _tilings(model: Any) -> list[list[int]]:
    return list(getattr(model.config, "image_grid_pinpoints", None) or [])


def _tiled_size(model: Any) -> tuple[int, int]:
    """Return the smallest height and width that a model cuts into tiles."""
    height, width = min(_tilings(model), key=lambda size: size[0] * size[1])
    return int(height), int(width)


@makes("pixel_values", wanted=accepts_images, fits=_is_tiled)
def _tiles(ask: Ask) -> np.ndarray:
    """Return the tiles of an image and the image as a whole, shape ``(batch size, tiles, channels, height, width)``."""
    tile = image_size(ask.model)
    whole = _tiled_size(ask.model)
    count = -(-whole[0] // tile[0]) * -(-whole[1] // tile[1]) + 1
    ask.seen["image"] = f"images of {whole[0]} x {whole[1]}, as {count} of {tile[0]} x {tile[1]}"
    return pixels(ask, count)


@makes("image_sizes", wanted=_is_tiled, fits=_is_tiled)
def _tiled_sizes(ask: Ask) -> np.ndarray:
    return np.tile(np.array(_tiled_size(ask.model)), (ask.batch_size, 1))


def _sizes_matter(model: Any) -> bool:
    """Return whether images may have any size: other towers of LLaVA do not take the argument."""
    tower = getattr(model.config, "vision_config", None)
    return takes("pixel_values", "input_ids")(model) and getattr(tower, "model_type", "pixtral") == "pixtral"


@makes("image_sizes", wanted=_sizes_matter)
def _image_sizes(ask: Ask) -> np.ndarray:
    return np.tile(np.array(image_size(ask.model)), (ask.batch_size, 1))


def _has_tile_ratios(model: Any) -> bool:
    return takes("aspect_ratio_ids", "aspect_ratio_mask")(model)


def _most_tiles(ask: Ask) -> int:
    return int(lookup(ask.config, VISION, "max_num_tiles"))


@makes("pixel_values", wanted=accepts_images, fits=_has_tile_ratios)
def _mllama_tiles(ask: Ask) -> np.ndarray:
    """Return one image of one tile, padded to the most that there may be."""
    height, width = image_size(ask.model)
    ask.seen["image"] = f"images of {height} x {width}, padded to {_most_tiles(ask)} tiles"
    values = pixels(ask, 1, _most_tiles(ask))
    values[:, :, 1:] = 0
    return values


@makes("aspect_ratio_ids", wanted=_has_tile_ratios)
def _aspect_ratios(ask: Ask) -> np.ndarray:
    return ask.ones(1)


@makes("aspect_ratio_mask", wanted=_has_tile_ratios)
def _aspect_ratio_mask(ask: Ask) -> np.ndarray:
    mask = ask.ones(1, _most_tiles(ask))
    mask[:, :, 1:] = 0
    return mask


@makes("cross_attention_mask", wanted=_has_tile_ratios, fits=_has_tile_ratios, late=True)
def _tiles_of_each_token(ask: Ask) -> np.ndarray:
    mask = ask.ones(ask.arrays["input_ids"].shape[1], 1, _most_tiles(ask))
    mask[..., 1:] = 0
    return mask


_is_idefics = takes("image_attention_mask", "perceiver_embeddings")


def _lists_images(model: Any) -> bool:
    takes_masks = takes("pixel_attention_mask")(model) or _is_idefics(model)
    return takes_masks and takes("pixel_values", "input_ids")(model) and not takes("spatial_shapes")(model)


@makes("pixel_values", wanted=accepts_images, fits=_lists_images)
def _list_of_one(ask: Ask) -> np.ndarray:
    """Return one image per text, of a size that divides into what the model joins: it takes any."""
    joined = int(lookup(ask.config, VISION, "patch_size") or 1) * int(getattr(ask.config, "scale_factor", None) or 1)
    height, width = (max(1, side // joined) * joined for side in image_size(ask.model))
    ask.seen["image"] = f"images of {height} x {width}"
    return pixels(ask, 1, size=(height, width))


@makes("image_attention_mask", wanted=_is_idefics, fits=_is_idefics, late=True)
def _image_of_each_token(ask: Ask) -> np.ndarray:
    return ask.ones(ask.arrays["input_ids"].shape[1], 1)


def _compares_images(model: Any) -> bool:
    return any(re.search("matching_|keypoint_detector", name) for name in vars(model.config))


@makes("pixel_values", wanted=accepts_images, fits=_compares_images)
def _pair(ask: Ask) -> np.ndarray:
    height, width = image_size(ask.model)
    ask.seen["image"] = f"pairs of images of {height} x {width}"
    return pixels(ask, 2)
