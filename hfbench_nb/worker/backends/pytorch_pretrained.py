"""PyTorch: models with the weights of a folder or of a checkpoint in the Hugging Face cache."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
import transformers

from hfbench_nb.protocol.model_kinds import WEIGHT_FILES
from hfbench_nb.protocol.request import ModelSpec

_MOST_NAMED = 3


@dataclass(frozen=True)
class LoadedWeights:
    """A model with its weights.

    Attributes
    ----------
    model
        The model, on the device.
    load_s
        Seconds that loading took, without reading pages of the file that no copy of a weight needed.
    note
        Which weights the checkpoint lacks; empty if it has all.
    """

    model: torch.nn.Module
    load_s: float
    note: str


def load(
    spec: ModelSpec,
    model_class: type[torch.nn.Module],
    config: transformers.PretrainedConfig,
    dtype: torch.dtype,
    device: torch.device,
    seed: int,
) -> LoadedWeights:
    """Load a model from files that are on this machine; weights that the checkpoint lacks are random.

    Raises
    ------
    ValueError
        If there are no weights, or they are another model's.
    """
    if not hasattr(model_class, "from_pretrained"):
        raise ValueError(f"weights='pretrained': {model_class.__name__} has no from_pretrained to load weights with")
    place = _find(spec)
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    start = time.perf_counter()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model, found = model_class.from_pretrained(
                place, config=config, dtype=dtype, local_files_only=True, output_loading_info=True
            )
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) or "mismatch" in str(error):
            raise ValueError(
                f"weights='pretrained': the weights in {place} do not fit the model or cannot be read ({error})"
            ) from error
        raise
    model.to(device)
    load_s = time.perf_counter() - start
    return LoadedWeights(model, load_s, _missing_note(model, place, found))


def _find(spec: ModelSpec) -> str:
    """Return the folder that has the weights of a model.

    Raises
    ------
    ValueError
        If there is none.
    """
    files = [file for alternatives in WEIGHT_FILES.values() for file in alternatives]
    if spec.folder is not None:
        if any((Path(spec.folder) / file).is_file() for file in files):
            return spec.folder
        raise ValueError(
            f"weights='pretrained': the folder {spec.folder} has no weights ({' or '.join(files[::2])}), only a "
            "configuration; model.save_pretrained(folder) writes both"
        )
    cached = (huggingface_hub.try_to_load_from_cache(spec.checkpoint, file) for file in files)
    path = next((path for path in cached if isinstance(path, str)), None)
    if path is None:
        raise ValueError(
            f"weights='pretrained': the weights of {spec.checkpoint} are not in the Hugging Face cache, and were not "
            f"fetched from the hub; `hf download {spec.checkpoint}` fetches them"
        )
    return str(Path(path).parent)


def _missing_note(model: torch.nn.Module, place: str, found: dict[str, Any]) -> str:
    """Describe the weights that the checkpoint lacks.

    Raises
    ------
    ValueError
        If it lacks all of them.
    """
    missing = sorted(found["missing_keys"])
    if not missing:
        return ""
    total = len(model.state_dict())
    named = ", ".join(missing[:_MOST_NAMED]) + (" ..." if len(missing) > _MOST_NAMED else "")
    if len(missing) == total:
        raise ValueError(
            f"weights='pretrained': the weights in {place} are another model's: {type(model).__name__} has none of them"
        )
    return f"{len(missing)} of {total} weights are not in the checkpoint and are random ({named})"
