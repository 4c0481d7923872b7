"""PyTorch: which attention a model is asked to run, and which kernel really ran."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import torch
import transformers
from torch.nn import functional
from torch.nn.attention import SDPBackend
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

# PyTorch's function that chooses a kernel by its arguments, whenever it is called.
_CHOOSING = "scaled_dot_product_attention"
# Calls that differ: each length of a generation is one.
_MOST_CALLS = 1000
_NO_KERNEL = "eager (no fused kernel)"
_WITHOUT_CHOICE = {"eager": _NO_KERNEL, "sdpa": _NO_KERNEL, "flex_attention": "flex"}


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


class _Shape(NamedTuple):
    """What of a tensor decides which kernel is chosen."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    requires_grad: bool

    @classmethod
    def of(cls, tensor: torch.Tensor, autocast: torch.dtype | None = None) -> _Shape:
        dtype = tensor.dtype if autocast is None or not tensor.is_floating_point() else autocast
        # While TorchScript traces, sizes are tensors.
        sizes, strides = tuple(map(int, tensor.shape)), tuple(map(int, tensor.stride()))
        return cls(sizes, strides, dtype, tensor.device, tensor.requires_grad)

    def made(self) -> torch.Tensor:
        """Return such a tensor, whose memory is never touched."""
        tensor = torch.empty_strided(self.sizes, self.strides, dtype=self.dtype, device=self.device)
        return tensor.requires_grad_(self.requires_grad)


class _Call(NamedTuple):
    """A call of the function that chooses a kernel."""

    inputs: tuple[_Shape, _Shape, _Shape]
    mask: _Shape | None
    dropout: float
    is_causal: bool
    scale: float | None
    enable_gqa: bool
    with_gradients: bool


class AttentionWatch:
    """Which kernels PyTorch's attention chooses while a model is called.

    A call costs some microseconds more meanwhile; the choice is repeated afterwards, for tensors of the same shapes.
    """

    def __init__(self) -> None:
        self._calls: dict[_Call, None] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take note of each call that differs from those before."""
        with mock.patch.object(functional, _CHOOSING, self._recording(getattr(functional, _CHOOSING))):
            yield

    def _recording(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(
            query: torch.Tensor,
            key: torch.Tensor,
            value: torch.Tensor,
            attn_mask: torch.Tensor | None = None,
            dropout_p: float = 0.0,
            is_causal: bool = False,
            **more: Any,
        ) -> Any:
            if len(self._calls) < _MOST_CALLS:
                place = query.device.type
                autocast = torch.get_autocast_dtype(place) if torch.is_autocast_enabled(place) else None
                call = _Call(
                    (_Shape.of(query, autocast), _Shape.of(key, autocast), _Shape.of(value, autocast)),
                    None if attn_mask is None else _Shape.of(attn_mask),
                    float(dropout_p),
                    bool(is_causal),
                    more.get("scale"),
                    bool(more.get("enable_gqa")),
                    torch.is_grad_enabled(),
                )
                self._calls[call] = None
            return function(query, key, value, attn_mask, dropout_p, is_causal, **more)

        return recorded

    def kernels(self) -> Iterator[str]:
        """Yield the kernel of each call."""
        yield from filter(None, map(_kernel, self._calls))


def name_kernels(found: Iterable[str], model: torch.nn.Module) -> tuple[str, ...]:
    """Return which kernels ran, each once; none for a model of which nothing is known.

    Parameters
    ----------
    found
        Those that PyTorch has chosen.
    model
        The model, which may have used others.
    """
    names = tuple(dict.fromkeys(found))
    used = getattr(getattr(model, "config", None), "_attn_implementation", None)
    if not names and used is not None:
        return (_WITHOUT_CHOICE.get(str(used), str(used)),)
    return names


def _kernel(call: _Call) -> str:
    """Return the name of the kernel that a call chooses; empty if there is none."""
    inputs = [shape.made() for shape in call.inputs]
    mask = None if call.mask is None else call.mask.made()
    with torch.set_grad_enabled(call.with_gradients):
        try:
            choose: Any = torch._fused_sdp_choice
            number = choose(*inputs, mask, call.dropout, call.is_causal, scale=call.scale, enable_gqa=call.enable_gqa)
        except RuntimeError:  # none can compute it: the call has failed, too
            return ""
    names = {
        SDPBackend.MATH: "math",
        SDPBackend.FLASH_ATTENTION: "flash (CPU)" if inputs[0].device.type == "cpu" else "flash",
        SDPBackend.EFFICIENT_ATTENTION: "memory-efficient",
        SDPBackend.CUDNN_ATTENTION: "cuDNN",
    }
    return next((name for backend, name in names.items() if int(backend.value) == number), "the device's own")
