"""Which inputs a model is given, and making them."""

from __future__ import annotations

import inspect
from typing import Any

from numpy.random import default_rng

from hfbench_nb.worker.backends.inputs import audio, images, text  # noqa: F401 - they register what they make
from hfbench_nb.worker.backends.inputs.base import KINDS, Ask, Inputs, forward_arguments
from hfbench_nb.worker.backends.inputs.multimodal import put_placeholders
from hfbench_nb.worker.backends.inputs.notes import attention_notes, image_notes


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
    ask = Ask(model, batch_size, sequence_length, default_rng(seed), _names(model))
    for name in ask.names:
        ask.arrays[name] = KINDS[name].make(ask)
    put_placeholders(ask)
    notes = [*ask.notes, *image_notes(ask), *attention_notes(model.config, sequence_length)]
    return Inputs(ask.arrays, tuple(notes))


def _names(model: Any) -> tuple[str, ...]:
    """Return the names of the inputs to make: the main input, those implied by the configuration, and required ones."""
    arguments = forward_arguments(model)
    main = str(getattr(model, "main_input_name", "input_ids"))
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    required = [name for name, p in arguments.items() if p.default is inspect.Parameter.empty and p.kind in kinds]
    wanted = [name for name, kind in KINDS.items() if name in arguments and kind.wanted(model)]
    names = tuple(dict.fromkeys([main, *wanted, *required]))
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise NotImplementedError(
            f"{type(model).__name__} needs {' and '.join(unknown)}: inputs of this kind cannot be made yet"
        )
    return names
