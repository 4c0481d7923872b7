"""Images as lists of patches."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, lookup, makes, takes
from hfbench_nb.worker.backends.inputs.images import VISION, accepts_images, channels

# Height and width of an image whose size the configuration leaves open.
_IMAGE_SIZE = 224
_PATCHES_PER_SIDE = 14


def _size(ask: Ask, *names: str) -> int:
    """Return a length that the configuration names; its first, where height and width have their own."""
    value = lookup(ask.config, VISION, *names)
    if value is None:
        raise ask.unknown(f"the {names[0].replace('_', ' ')} of its images")
    return int(value[0] if isinstance(value, list | tuple) else value)


# ---- patches of all images in one list, and a grid for each, as in Qwen2-VL


_has_grids = takes("pixel_values", "image_grid_thw")
_is_tower = takes("grid_thw")  # the part that reads images, alone


def _grid(ask: Ask) -> int:
    """Return how many patches an image has in each direction: a multiple of those merged into one vector."""
    patch = _size(ask, "patch_size")
    merged = lookup(ask.config, VISION, "spatial_merge_size", "merge_kernel_size", "merge_size") or 1
    merged = int(merged[0] if isinstance(merged, list | tuple) else merged)
    return max(1, _IMAGE_SIZE // (patch * merged)) * merged


@makes(
    "pixel_values", wanted=accepts_images, fits=lambda model: _has_grids(model) and hasattr(model.config, "vlm_config")
)
def _patches_by_image(ask: Ask) -> np.ndarray:
    """Return the patches of each image in a list of its own, as models of retrieval take them."""
    patches = _listed_patches(ask)
    return patches.reshape(ask.batch_size, len(patches) // ask.batch_size, -1)


@makes("hidden_states", fits=_is_tower)
@makes("pixel_values", fits=_is_tower)
@makes("pixel_values", wanted=accepts_images, fits=_has_grids)
def _listed_patches(ask: Ask) -> np.ndarray:
    """Return the patches of all images.

    Shape ``(patches, channels * frames * height * width)`` in models of several frames per patch, otherwise
    ``(patches, channels, height, width)``.
    """
    patch, side = _size(ask, "patch_size"), _grid(ask)
    frames = lookup(ask.config, VISION, "temporal_patch_size")
    ask.seen["image"] = f"images of {side * patch} x {side * patch}, as {side * side} patches"
    shape = (channels(ask.model), patch, patch) if frames is None else (channels(ask.model) * frames * patch * patch,)
    return ask.generator.standard_normal((ask.batch_size * side * side, *shape), np.float32)


@makes("grid_thw")
@makes("image_grid_thw", wanted=_has_grids)
def _grids(ask: Ask) -> np.ndarray:
    return np.tile(np.array([1, _grid(ask), _grid(ask)]), (ask.batch_size, 1))


@makes("image_merge_sizes", wanted=_has_grids)
def _merge_sizes(ask: Ask) -> np.ndarray:
    return ask.ones() * int(lookup(ask.config, VISION, "spatial_merge_size", "merge_size") or 1)


# ---- patches of each image in a list of its own, as in SigLIP 2


_has_shapes = takes("pixel_values", "spatial_shapes")


def _side(ask: Ask) -> int:
    return int(_size(ask, "num_patches") ** 0.5)


def _square(ask: Ask, side: int) -> np.ndarray:
    """Return a square of patches, shape ``(batch size, side * side, channels * patch height * patch width)``."""
    patch = _size(ask, "patch_size")
    ask.seen["image"] = f"images of {side * patch} x {side * patch}, as {side * side} patches"
    return ask.noise(side * side, channels(ask.model) * patch * patch)


@makes("pixel_values", wanted=accepts_images, fits=_has_shapes)
def _patches(ask: Ask) -> np.ndarray:
    return _square(ask, _side(ask))


@makes("spatial_shapes", wanted=_has_shapes, fits=_has_shapes)
def _shapes(ask: Ask) -> np.ndarray:
    return ask.ones(2) * _side(ask)


@makes("pixel_attention_mask", wanted=_has_shapes, fits=_has_shapes)
def _patch_mask(ask: Ask) -> np.ndarray:
    return ask.ones(_side(ask) ** 2)


_has_positions = takes("pixel_values", "image_position_ids")


def _positioned_side(ask: Ask) -> int:
    patch = _size(ask, "patch_size")
    merged = lookup(ask.config, VISION, "pooling_kernel_size") or 1
    return max(1, _IMAGE_SIZE // (patch * merged)) * int(merged)


@makes("pixel_values", wanted=accepts_images, fits=_has_positions)
def _positioned_patches(ask: Ask) -> np.ndarray:
    return _square(ask, _positioned_side(ask))


@makes("image_position_ids", wanted=_has_positions, fits=_has_positions)
def _positions(ask: Ask) -> np.ndarray:
    """Return column and row of each patch."""
    side = _positioned_side(ask)
    rows, columns = np.divmod(np.arange(side * side), side)
    return np.tile(np.stack([columns, rows], axis=-1), (ask.batch_size, 1, 1))


# ---- Fuyu and Pix2Struct


def _embeds_patches(model: Any) -> bool:
    return any(hasattr(part, "vision_embed_tokens") for part in (model, getattr(model, "model", None)))


@makes("pixel_values", wanted=accepts_images, fits=_embeds_patches)
@makes("image_patches", wanted=lambda model: takes("input_ids")(model) and not takes("pixel_values")(model))
def _fuyu_patches(ask: Ask) -> np.ndarray:
    patch = _size(ask, "patch_size")
    side = max(1, min(_IMAGE_SIZE, _size(ask, "image_size")) // patch)
    ask.seen["image"] = f"images of {side * patch} x {side * patch}, as {side * side} patches"
    return ask.noise(side * side, channels(ask.model) * patch * patch)


@makes("flattened_patches", wanted=takes("input_ids"))
def _numbered_patches(ask: Ask) -> np.ndarray:
    """Return patches that begin with their row and column, counted from 1."""
    width = lookup(ask.config, VISION, "patch_embed_hidden_size")
    width = int(width or channels(ask.model) * _size(ask, "patch_size") ** 2)
    values = ask.noise(_PATCHES_PER_SIDE**2, 2 + width)
    rows, columns = np.divmod(np.arange(_PATCHES_PER_SIDE**2), _PATCHES_PER_SIDE)
    values[..., :2] = np.stack([rows, columns], axis=-1) + 1
    ask.seen["image"] = f"images of {_PATCHES_PER_SIDE**2} patches"
    return values
