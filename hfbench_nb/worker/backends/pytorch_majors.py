"""PyTorch: everything that differs between Transformers 4 and 5."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import torch


def initialisation_tables() -> list[dict[str, Callable[..., Any]]]:
    """Return the namespaces whose functions, by name, initialise a model's tensors.

    PyTorch's own and, with Transformers 5, the table of these functions that its models use.
    """
    tables: list[dict[str, Callable[..., Any]]] = [vars(torch.nn.init)]
    try:
        initialization = importlib.import_module("transformers.initialization")
    except ImportError:  # Transformers 4
        return tables
    return [*tables, initialization.TORCH_INIT_FUNCTIONS]


def silence_deprecations() -> None:
    """Silence warnings about the libraries' own code, which the user cannot act on."""
    for category in (DeprecationWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(transformers|torch|huggingface_hub)\b")
    # torch 2.13 warns at each trace, although the user has chosen TorchScript on purpose.
    warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
