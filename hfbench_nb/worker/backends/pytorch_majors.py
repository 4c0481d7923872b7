"""PyTorch: everything that differs between Transformers 4 and 5 stands here."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import torch


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
