"""PyTorch: everything that differs between Transformers 4 and 5 stands here."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import torch

# A class for a task is looked up in these, in this order: what a model generates from decides before what it can also
# be used for.  Those that an older version does not have are left out.
_MAPPINGS = {
    "inference": ("MODEL_MAPPING",),
    "training": (
        "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING",
        "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING",
        "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING",
        "MODEL_FOR_CTC_MAPPING",
        "MODEL_FOR_MASKED_LM_MAPPING",
        "MODEL_FOR_CAUSAL_LM_MAPPING",
        "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING",  # models of texts with images, without a head
        "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING",
        "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING",
    ),
}


def class_mappings(task: str) -> list[Any]:
    """Give the mappings from a configuration's class to a model's that a task looks in, in order."""
    auto = importlib.import_module("transformers.models.auto.modeling_auto")
    names = (*_MAPPINGS[task], *_MAPPINGS["inference"])
    return [getattr(auto, name) for name in names if hasattr(auto, name)]


def initialisation_tables() -> list[dict[str, Callable[..., Any]]]:
    """Give the namespaces whose functions, by name, initialise a model's tensors.

    PyTorch's own; Transformers 5 keeps those functions in a table besides, which its models go through.
    """
    tables: list[dict[str, Callable[..., Any]]] = [vars(torch.nn.init)]
    try:
        initialization = importlib.import_module("transformers.initialization")
    except ImportError:  # Transformers 4
        return tables
    return [*tables, initialization.TORCH_INIT_FUNCTIONS]


def silence_deprecations() -> None:
    """Keep what the libraries' own code is warned of from the user, who can do nothing about it."""
    for category in (DeprecationWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(transformers|torch|huggingface_hub)\b")
    # torch 2.13 says so at each trace; it is the user's wish and not their problem.
    warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
