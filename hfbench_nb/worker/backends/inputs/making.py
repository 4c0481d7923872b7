"""Which inputs a model is given, and making them."""

from __future__ import annotations

from typing import Any

from numpy.random import default_rng

# Each registers what it makes.
from hfbench_nb.worker.backends.inputs import (  # noqa: F401
    audio,
    documents,
    images,
    patches,
    series,
    text,
    trajectories,
    vectors,
    video,
)
from hfbench_nb.worker.backends.inputs.base import (
    KINDS,
    Ask,
    CountFeatures,
    Inputs,
    Kind,
    cannot_count,
    forward_arguments,
    kind_for,
    main_input,
    required_arguments,
)
from hfbench_nb.worker.backends.inputs.multimodal import put_placeholders
from hfbench_nb.worker.backends.inputs.notes import attention_notes, image_notes
from hfbench_nb.worker.backends.inputs.optional import carried_by, optional


def make_inputs(
    model: Any,
    batch_size: int,
    sequence_length: int,
    seed: int,
    count_features: CountFeatures = cannot_count,
) -> Inputs:
    """Make random inputs from a fixed seed.

    Parameters
    ----------
    batch_size
        Number of examples: texts, images, recordings, or pairs of text and image.
    sequence_length
        Tokens of a text (the decoder's, where only the decoder has text), or frames of a recording; unused by models
        of images alone.
    count_features
        Asks the model itself how many vectors it makes of something.

    Raises
    ------
    NotImplementedError
        If the model needs an unknown kind of input.
    """
    kinds = _kinds(model)
    ask = Ask(model, batch_size, sequence_length, default_rng(seed), tuple(kinds), count_features)
    _make(ask, {name: kind for name, kind in kinds.items() if not kind.late})
    put_placeholders(ask)
    _make(ask, {name: kind for name, kind in kinds.items() if kind.late})
    notes = [*ask.notes, *image_notes(ask), *attention_notes(model.config, sequence_length)]
    return Inputs(ask.arrays, tuple(notes))


def _make(ask: Ask, kinds: dict[str, Kind]) -> None:
    for name, kind in kinds.items():
        what = carried_by(name)
        if what not in ask.left_out:
            with optional(ask, what, [name], NotImplementedError):
                ask.arrays[name] = kind.make(ask)


def _kinds(model: Any) -> dict[str, Kind]:
    """Return the inputs to make and how: the main input, those that the model is for, and required ones."""
    arguments = forward_arguments(model)
    wanted = [
        name
        for name in KINDS
        if name in arguments and (kind := kind_for(name, model)) is not None and kind.wanted(model)
    ]
    main = main_input(model)
    names = list(dict.fromkeys([*([main] if main in arguments else []), *wanted, *required_arguments(model)])) or [main]
    found = {name: kind_for(name, model) for name in names}
    unknown = [name for name, kind in found.items() if kind is None]
    if unknown:
        raise NotImplementedError(
            f"{type(model).__name__} needs {' and '.join(unknown)}: inputs of this kind cannot be made yet"
        )
    return {name: kind for name, kind in found.items() if kind is not None}
