"""PyTorch: replacing the linear layers of a model by quantized ones, by the library that does so on the device."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from hfbench_nb.protocol.case import Settings
from hfbench_nb.worker.backends.pytorch_bitsandbytes import replace_linear_layers
from hfbench_nb.worker.backends.pytorch_weights import StoredTensors, count_parameters
from hfbench_nb.worker.backends.quantization_methods import (
    BITSANDBYTES,
    BNB_4BIT,
    BNB_8BIT,
    INT8,
    INT8_DYNAMIC,
    TORCHAO,
    method_of,
)

Quantize = Callable[[torch.nn.Module], object]
"""Quantizes the linear layers of a model in place."""

_TORCH = "torch.ao"
_INSTALL = {
    TORCHAO: "pip install 'hfbench-nb[quantization]'",
    BITSANDBYTES: "pip install bitsandbytes",
}
# Older ones have other names, and PEFT refuses them.
_OLDEST_TORCHAO = (0, 16)
# Modules of the layers that libraries put in place of others; torchao puts other weights into them.
_QUANTIZED_MODULES = ("torch.ao.nn.quantized", "bitsandbytes.")


@dataclass(frozen=True)
class Quantized:
    """What was made of a model.

    Attributes
    ----------
    details
        Which layers were replaced, and which that have weights were not, by the names of their classes; and the bytes
        of all weights before and after.
    note
        What a reader of the metrics should know of it.
    parameters
        The number of its parameters before.
    """

    details: dict[str, Any]
    note: str
    parameters: int


class Quantization:
    """A way to quantize a model, whose library is imported.

    Parameters
    ----------
    method
        A value of the argument `quantization` but ``none``.
    device, dtype
        Where the model is, and the data type of its weights.
    compiled
        Whether the model is to be compiled.

    Raises
    ------
    NotImplementedError
        If that is not possible here; the message says why.
    """

    def __init__(self, method: str, device: torch.device, dtype: torch.dtype, *, compiled: bool) -> None:
        self.method = method
        self._library, self._quantize = _find(method, device, dtype, compiled=compiled)

    @classmethod
    def of(cls, settings: Settings, device: torch.device, dtype: torch.dtype) -> Quantization | None:
        """Return what the settings ask for; None if they ask for nothing."""
        method = str(settings.get("quantization", "none"))
        if method == "none":
            return None
        return cls(method, device, dtype, compiled=settings.get("compile", "none") != "none")

    @classmethod
    def asked_by(
        cls, config: Any, settings: Settings, device: torch.device, dtype: torch.dtype, note: str
    ) -> tuple[Quantization | None, str]:
        """Return what a configuration itself asks for, and a note of it; None where that cannot be done here.

        Parameters
        ----------
        config
            The configuration.
        settings, device, dtype
            The settings of the case, where its model is, and the data type of its weights.
        note
            Tells that the weights are dense.
        """
        method = method_of(config)
        if not method:
            return None, note
        try:
            found = cls.of(Settings(settings, quantization=method), device, dtype)
        except NotImplementedError as error:
            return None, f"{note}: {error}"
        return found, "quantized as the configuration asks for"

    def apply(self, model: torch.nn.Module) -> Quantized:
        """Quantize a model in place.

        Raises
        ------
        NotImplementedError
            If the library cannot quantize it.
        """
        dense_bytes = StoredTensors.of(model).weights_bytes
        parameters = count_parameters(model)
        before = _with_weights(model)
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the libraries, about their own future
                self._quantize(model)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:
            raise NotImplementedError(
                f"quantization={self.method!r}: {self._library} cannot quantize {type(model).__name__}: "
                f"{type(error).__name__}: {error}"
            ) from error
        after = dict(model.named_modules())
        replaced = Counter(type(layer).__name__ for name, layer in before.items() if _is_quantized(after[name]))
        left = Counter(type(layer).__name__ for name, layer in before.items() if not _is_quantized(after[name]))
        details = {
            "quantized_by": self._library,
            "quantized_layers": dict(replaced),
            "dense_layers": dict(left),
            "dense_weights_bytes": dense_bytes,
            "quantized_weights_bytes": weights_bytes(model),
        }
        return Quantized(details, self._note(type(model).__name__, replaced, left), parameters)

    def _note(self, name: str, replaced: Mapping[str, int], left: Mapping[str, int]) -> str:
        others = {kind: count for kind, count in left.items() if kind != "Embedding"}
        if not replaced:
            return f"quantization={self.method!r} replaced nothing: {name} has {_listed(left) or 'no weights'}"
        if not others:
            return ""
        return f"quantization={self.method!r} replaced {_listed(replaced)}, and left {_listed(others)} as they were"


def weights_bytes(model: torch.nn.Module) -> int:
    """Return the bytes of all weights of a model, with those that PyTorch's own quantized layers keep packed."""
    return StoredTensors.of(model).weights_bytes + sum(map(_packed_bytes, model.modules()))


def _find(method: str, device: torch.device, dtype: torch.dtype, *, compiled: bool) -> tuple[str, Quantize]:
    """Return the library of a method, with its version, and its function."""
    if method in (BNB_8BIT, BNB_4BIT):
        return _from_bitsandbytes(method, device)
    # PyTorch's own was seen to be several times as fast on a CPU as torchao.  It knows 32 bits alone; and the compiler
    # cannot follow it: tiny BERT, compiled, broke its graph 20 times, and took 100 ms a call.
    is_for_own = device.type == "cpu" and dtype == torch.float32 and not compiled
    if method == INT8_DYNAMIC and is_for_own and (own := _own_dynamic()) is not None:
        return f"{_TORCH} of PyTorch {torch.__version__}", own
    return _from_torchao(method, device, dtype)


def _own_dynamic() -> Quantize | None:
    """Return PyTorch's own function; None if this version has none any more, or was built without its kernels."""
    try:
        quantization = importlib.import_module("torch.ao.quantization")
        quantize_dynamic = quantization.quantize_dynamic
    except (ImportError, AttributeError):
        return None
    if torch.backends.quantized.engine in ("none", ""):
        return None

    def quantize(model: torch.nn.Module) -> None:
        quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # it says that it will be removed
        some = torch.nn.Sequential(torch.nn.Linear(64, 64))
        quantize(some)  # what it loads at its first use is baseline, too
        some(torch.zeros(1, 64))
    return quantize


def _from_torchao(method: str, device: torch.device, dtype: torch.dtype) -> tuple[str, Quantize]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantization = _import("torchao.quantization", TORCHAO, method)
    version = importlib.metadata.version(TORCHAO)
    if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < _OLDEST_TORCHAO:
        oldest = ".".join(map(str, _OLDEST_TORCHAO))
        raise NotImplementedError(
            f"quantization={method!r} needs torchao {oldest} or newer, and the worker has {version}: "
            f"{_INSTALL[TORCHAO]}"
        )
    config = _torchao_config(quantization, method, device, dtype)
    return f"{TORCHAO} {version}", lambda model: quantization.quantize_(model, config)


def _torchao_config(quantization: Any, method: str, device: torch.device, dtype: torch.dtype) -> Any:
    if method == INT8_DYNAMIC:
        return quantization.Int8DynamicActivationInt8WeightConfig()
    if method == INT8:
        return quantization.Int8WeightOnlyConfig()
    if device.type == "cuda":
        if dtype != torch.bfloat16:
            raise NotImplementedError(f"quantization={method!r} computes in bfloat16 on a GPU: give dtype='bfloat16'")
        return quantization.Int4WeightOnlyConfig(int4_packing_format="tile_packed_to_4d")
    if device.type == "cpu":
        try:
            workflow = importlib.import_module("torchao.prototype.quantization.int4.inference_workflow")
            return workflow.PrototypeInt4WeightOnlyConfig()
        except (ImportError, AttributeError):
            pass
    version = importlib.metadata.version(TORCHAO)
    raise NotImplementedError(
        f"quantization={method!r}: torchao {version} has no kernel for it on {device.type}: use {INT8!r}, or a GPU"
    )


def _from_bitsandbytes(method: str, device: torch.device) -> tuple[str, Quantize]:
    if device.type != "cuda":
        raise NotImplementedError(
            f"quantization={method!r} needs an NVIDIA GPU, and this case runs on {device.type}: use {INT8_DYNAMIC!r} "
            f"or {INT8!r}"
        )
    library = _import(BITSANDBYTES, BITSANDBYTES, method)
    version = importlib.metadata.version(BITSANDBYTES)
    return f"{BITSANDBYTES} {version}", lambda model: replace_linear_layers(
        library, model, device, bits=8 if method == BNB_8BIT else 4
    )


def _import(module: str, package: str, method: str) -> Any:
    try:
        return importlib.import_module(module)
    except Exception as error:  # a library that loads others may raise anything
        raise NotImplementedError(
            f"quantization={method!r} needs {package}, which the worker cannot import ({error}): {_INSTALL[package]}, "
            "or give another environment by python= or overlay="
        ) from error


def _with_weights(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """Return the layers that have a matrix of weights of their own, by name."""
    return {
        name: layer
        for name, layer in model.named_modules()
        if any(parameter.ndim > 1 for parameter in layer.parameters(recurse=False))
    }


def _is_quantized(layer: torch.nn.Module) -> bool:
    if type(layer).__module__.startswith(_QUANTIZED_MODULES):
        return True
    return any(type(weight.data) is not torch.Tensor for weight in layer.parameters(recurse=False))


def _packed_bytes(layer: torch.nn.Module) -> int:
    """Return the bytes of the weights of one of PyTorch's own quantized layers: a byte per number, and the bias."""
    if not isinstance(packed := getattr(layer, "_packed_params", None), torch.nn.Module):
        return 0
    of_layer: Any = packed
    return sum(_bytes_of(tensor) for tensor in of_layer._weight_bias() if tensor is not None)


def _bytes_of(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _listed(layers: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in layers.items())
