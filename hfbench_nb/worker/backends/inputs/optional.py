"""What a model takes beside its text, and leaving it out where the model can do without."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hfbench_nb.worker.backends.inputs.base import Ask, main_input, required_arguments

# The arguments that carry something.
CARRIERS = {
    "image": re.compile(
        r"pixel_values$|^image_|^image$|^pixel_attention_mask$|^spatial_shapes$|^aspect_ratio_|^cross_att"
    ),
    "audio": re.compile(r"^input_features|^input_values|^feature_attention_mask$|^audio_"),
    "video": re.compile(r"^pixel_values_videos$|^video_"),
}


def carried_by(name: str) -> str:
    """Return what an argument carries, or nothing for text."""
    return next((what for what, matches in CARRIERS.items() if matches.search(name)), "")


@contextmanager
def optional(ask: Ask, what: str, names: Iterable[str], error_class: type[Exception]) -> Iterator[None]:
    """Leave out what cannot be made or given to the model, and note it, if the model runs without it.

    Parameters
    ----------
    what
        A key of `CARRIERS`, or nothing for what must not be left out.
    names
        The arguments that are being made.
    error_class
        Which errors mean that they cannot be.
    """
    try:
        yield
    except MemoryError:
        raise
    except error_class as error:
        if not what or {*names} & {main_input(ask.model), *required_arguments(ask.model)}:
            raise
        for name in [name for name in ask.arrays if carried_by(name) == what]:
            del ask.arrays[name]
        ask.withdraw(what)
        ask.left_out.add(what)
        reason = str(error) if isinstance(error, NotImplementedError) else f"{type(error).__name__}: {error}"
        reason = " ".join(reason.split())[:200]
        ask.note(f"without {what}, which the model does not take with this configuration ({reason})")
