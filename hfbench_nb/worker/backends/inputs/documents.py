"""What lies beside the words of a document: where they stand on the page, and what is seen in regions of an image."""

from __future__ import annotations

import numpy as np

from hfbench_nb.worker.backends.inputs.base import Ask, makes, takes
from hfbench_nb.worker.backends.inputs.images import pixels

# Coordinates on a page, from 0 on, where the configuration leaves their number open.
_COORDINATES = 1000
_REGIONS = 36


@makes("bbox", wanted=takes("input_ids"))
def _boxes(ask: Ask) -> np.ndarray:
    """Return where each word stands: left, top, right, bottom, in whole numbers.

    Shape ``(batch size, sequence length, 4)``.
    """
    below = int(getattr(ask.config, "max_2d_position_embeddings", None) or _COORDINATES)
    ask.note("each token has a box of its own on the page")
    shape = (ask.batch_size, ask.length, 2)
    corners = [ask.generator.integers(below, size=shape) for _ in range(2)]
    return np.concatenate([np.minimum(*corners), np.maximum(*corners)], axis=-1)


@makes("bbox", wanted=takes("input_ids"), fits=lambda model: hasattr(model.config, "dim_bbox"))
def _boxes_as_fractions(ask: Ask) -> np.ndarray:
    """Return where each word stands as fractions of the page, as BROS takes it."""
    ask.note("each token has a box of its own on the page")
    return ask.generator.random((ask.batch_size, ask.length, int(ask.config.dim_bbox)), np.float32)


@makes("image", wanted=takes("bbox"))
def _page(ask: Ask) -> np.ndarray:
    """Return the image of the page."""
    return pixels(ask)


def _note_regions(ask: Ask) -> int:
    ask.note(f"each text with features of {_REGIONS} regions of an image, as a detector makes them")
    return _REGIONS


@makes("visual_feats", wanted=takes("input_ids"))
def _region_features(ask: Ask) -> np.ndarray:
    return ask.noise(_note_regions(ask), ask.config.visual_feat_dim)


@makes("visual_pos", wanted=takes("input_ids"))
def _region_boxes(ask: Ask) -> np.ndarray:
    return ask.generator.random((ask.batch_size, _REGIONS, ask.config.visual_pos_dim), np.float32)


@makes("visual_embeds", wanted=takes("input_ids", "visual_token_type_ids"))
def _region_embeddings(ask: Ask) -> np.ndarray:
    return ask.noise(_note_regions(ask), ask.config.visual_embedding_dim)


@makes("visual_token_type_ids", wanted=takes("visual_embeds"))
def _region_types(ask: Ask) -> np.ndarray:
    return ask.ones(_REGIONS)


@makes("visual_attention_mask", wanted=takes("visual_embeds"))
def _region_mask(ask: Ask) -> np.ndarray:
    return ask.ones(_REGIONS)
