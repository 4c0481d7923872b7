"""PyTorch: training low-rank adapters in place of the weights (LoRA), by PEFT."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch

# The module of PEFT that looks for torchao, for weights that torchao has quantised, and the name it calls it by.
_TORCHAO_MODULE, _TORCHAO_FUNCTION = "peft.tuners.lora.torchao", "is_torchao_available"

Adapt = Callable[[torch.nn.Module], str]
"""Adds adapters to a model, which alone are trained from then on, and returns a note that says where they are."""


def load_adapting(rank: int) -> Adapt:
    """Import PEFT, and return what adds adapters of a rank to a model.

    Raises
    ------
    NotImplementedError
        If PEFT cannot be imported.
    """
    try:
        peft = importlib.import_module("peft")
    except ImportError as error:
        raise NotImplementedError(
            f"lora_rank={rank} needs PEFT, which the worker cannot import ({error}): pip install 'hfbench-nb[lora]', "
            "or give another environment by python= or overlay="
        ) from error
    with _quietly():  # what it imports at its first use is baseline, too
        peft.get_peft_model(torch.nn.Sequential(torch.nn.Linear(1, 1)), peft.LoraConfig(r=1, target_modules=["0"]))
    return lambda model: _adapt(peft, model, rank)


def _adapt(peft: Any, model: torch.nn.Module, rank: int) -> str:
    """Add adapters where PEFT does by default or, where it has no default for the model, to all linear layers."""
    try:
        with _quietly():
            try:
                peft.get_peft_model(model, peft.LoraConfig(r=rank))
            except ValueError:  # PEFT has no default
                peft.get_peft_model(model, peft.LoraConfig(r=rank, target_modules="all-linear"))
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        raise NotImplementedError(
            f"lora_rank={rank}: PEFT {peft.__version__} cannot adapt {type(model).__name__}: {error}"
        ) from error
    adapted = sorted({name.rpartition(".lora_A")[0].rpartition(".")[2] for name, _ in _adapters(model)})
    return f"LoRA: only adapters of rank {rank} are trained, in {', '.join(adapted)}"


def _adapters(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    return (found for found in model.named_parameters() if ".lora_A" in found[0])


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Silence PEFT's warnings, as of weights that are stored transposed; and let it do without an old torchao.

    It refuses to adapt anything where the installed torchao is too old for it, though no weight here is quantised.
    """
    looking = importlib.import_module(_TORCHAO_MODULE)
    is_available = getattr(looking, _TORCHAO_FUNCTION)

    def is_usable() -> bool:
        try:
            return bool(is_available())
        except ImportError:
            return False

    with mock.patch.object(looking, _TORCHAO_FUNCTION, is_usable), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
