"""PyTorch: everything that differs between Transformers 4 and 5."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest import mock

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


def enable_checkpointing(model: Any) -> bool:
    """Let a model compute its layers again in the backward pass; return False if it has no code for that.

    By what PyTorch recommends and Transformers 5 does by default, ``use_reentrant=False``: it also works where the
    inputs of the layers need no gradient, as with frozen weights.
    """
    how = {"use_reentrant": False}
    try:
        if hasattr(model, "activation_checkpointing_enable"):  # Transformers 5
            model.activation_checkpointing_enable(how)
        elif hasattr(model, "gradient_checkpointing_enable"):
            model.gradient_checkpointing_enable(how)
        else:
            return False
    except ValueError:
        return False
    return True


@contextmanager
def traceable_masks() -> Iterator[None]:
    """Let Transformers make attention masks by broadcasting, as Transformers 5 makes most.

    Transformers 4 makes all by `torch.vmap`, and Transformers 5 those that a model adds to (Gemma 3 with images);
    TorchScript cannot trace that.  The masks are the same.
    """
    masking = importlib.import_module("transformers.masking_utils")
    instead: dict[str, Any] = {"_vmap_for_bhqkv": _broadcast, "_vmap_expansion_sdpa": _broadcast}  # of 4, of 5
    with ExitStack() as patches:
        for name, function in {**instead, "TransformGetItemToIndex": nullcontext}.items():
            if name not in instead or hasattr(masking, name):
                patches.enter_context(mock.patch.object(masking, name, function, create=True))
        yield


def _broadcast(mask_function: Callable[..., torch.Tensor], bh_indices: bool = True) -> Callable[..., torch.Tensor]:
    """Return a function of the indices of batch, head, query and key, each of one dimension, that gives the whole mask.

    Without `bh_indices`, the mask has the dimensions of queries and keys alone.
    """

    def mask(*indices: torch.Tensor | None) -> torch.Tensor:
        sizes = [len(index) for index in indices if index is not None]
        axes = iter(range(len(sizes)))
        spread = (index if index is None else _along(next(axes), len(sizes), index) for index in indices)
        return mask_function(*spread).expand(sizes)

    return mask


def _along(axis: int, dimensions: int, index: torch.Tensor) -> torch.Tensor:
    return index.reshape([-1 if number == axis else 1 for number in range(dimensions)])
