"""PyTorch: which attention kernel a model runs."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS


def choose_attention(config: Any, name: str) -> None:
    """Let a model that is built from a configuration use an attention kernel.

    Raises
    ------
    ValueError
        If the installed Transformers knows no kernel of this name.
    """
    known = ["eager", *ALL_ATTENTION_FUNCTIONS.keys()]
    if name not in known:
        raise ValueError(
            f"attn_implementation={name!r}: Transformers {transformers.__version__} knows {', '.join(known)}"
        )
    config._attn_implementation = name


def set_attention(model: torch.nn.Module, name: object) -> None:
    """Let a model that was built by the user's own function use an attention kernel, if one is asked for.

    Raises
    ------
    ValueError
        If it cannot be changed any more, as in models whose layers are made for one.
    """
    if name is None:
        return
    if isinstance(model, transformers.PreTrainedModel) and model.config._attn_implementation != name:
        model.set_attn_implementation(str(name))
    if getattr(getattr(model, "config", None), "_attn_implementation", None) != name:
        raise ValueError(
            f"attn_implementation={name!r} cannot be set for the {type(model).__name__} that the factory returned: the "
            "factory itself must choose it"
        )


def check_attention(model: torch.nn.Module, wanted: object) -> str | None:
    """Return the kernel that a model uses; None where it has none to choose.

    Raises
    ------
    ValueError
        If another was asked for: the model has no such implementation.
    """
    used = getattr(getattr(model, "config", None), "_attn_implementation", None)
    if wanted is not None and used != wanted:
        raise ValueError(f"attn_implementation={wanted!r}: {type(model).__name__} has no such implementation")
    return used
