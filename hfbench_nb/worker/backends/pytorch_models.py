"""PyTorch: choosing the class of a Transformers model, building it quickly, and running one pass of each task."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
import transformers
from transformers import PretrainedConfig, PreTrainedModel

from hfbench_nb.protocol.model_kinds import BASE, GENERATIVE, HEAD
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.worker.backends import model_classes
from hfbench_nb.worker.backends.pytorch_majors import initialisation_tables, traceable_masks
from hfbench_nb.worker.backends.pytorch_outputs import floating_tensors

# Standard deviation of the random weights, as most models initialise them.
_WEIGHT_STD = 0.02
# Weights are filled by copying a block of this many random numbers, which stays in the processor's cache.
_BLOCK_NUMBERS = 1 << 16
# Functions of `torch.nn.init`, and methods of tensors, that draw random numbers.
_RANDOM_FUNCTIONS = ("uniform_", "normal_", "trunc_normal_", "orthogonal_", "sparse_", "xavier_", "kaiming_")
_RANDOM_METHODS = ("normal_", "uniform_")

Tensors = dict[str, torch.Tensor]


def find_class(
    spec: ModelSpec, kind: str, *, only_pretrain_model: bool, trust_remote_code: bool = False
) -> tuple[PretrainedConfig, type[torch.nn.Module]]:
    """Return the configuration and the class to build from it.

    Raises
    ------
    ValueError
        If the installed version of Transformers does not know the model, or the model comes with code of its own that
        is not trusted.
    """
    has_own_code = spec.pickled is None and not spec.config_class and "auto_map" in spec.config
    if has_own_code and trust_remote_code:
        return _remote_class(spec, kind, only_pretrain_model=only_pretrain_model)
    if has_own_code and spec.family not in transformers.CONFIG_MAPPING:
        raise ValueError(
            f"{spec.name} is defined by code of its own, which Transformers {transformers.__version__} does not have; "
            "trust_remote_code=True runs that code in the worker"
        )
    return model_classes.find_class(spec, kind, "PyTorch", only_pretrain_model=only_pretrain_model)


# The classes of a model's own code by their names in its `auto_map`; the first that is present is used.
_REMOTE_CLASSES = {
    BASE: ("AutoModel", "AutoModelForMaskedLM", "AutoModelForCausalLM", "AutoModelForSeq2SeqLM"),
    HEAD: ("AutoModelForSeq2SeqLM", "AutoModelForMaskedLM", "AutoModelForCausalLM", "AutoModel"),
    GENERATIVE: ("AutoModelForSeq2SeqLM", "AutoModelForCausalLM", "AutoModel"),
}


def _remote_class(
    spec: ModelSpec, kind: str, *, only_pretrain_model: bool
) -> tuple[PretrainedConfig, type[torch.nn.Module]]:
    """Import the model's own code with the hub's loader; the caller has declared it trusted."""
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    place = spec.folder or spec.checkpoint
    config = transformers.AutoConfig.from_pretrained(place, trust_remote_code=True, **spec.overrides)
    code: dict[str, str] = spec.config["auto_map"]
    architecture = (spec.config.get("architectures") or [None])[0]
    by_class = {reference.rpartition(".")[2]: reference for name, reference in code.items() if name != "AutoConfig"}
    wanted = [code[name] for name in _REMOTE_CLASSES[kind] if name in code]
    if architecture in by_class and not only_pretrain_model:
        wanted.insert(0, by_class[architecture])
    if wanted:
        return config, get_class_from_dynamic_module(wanted[0], place)
    return config, model_classes.class_for(config, kind, "PyTorch")


def prepare_for_tracing(config: PretrainedConfig) -> None:
    """Make the model return only what TorchScript can trace, and tie no weights, as the original did."""
    config.torchscript = True
    config.use_cache = False


def trace(model: torch.nn.Module, inputs: Tensors) -> Callable[[], object]:
    """Trace a model with TorchScript; return a function that runs one forward pass of the traced model.

    Raises
    ------
    RuntimeError
        If the tracer cannot follow the model's code.
    """
    tensors = tuple(inputs.values())
    try:
        with torch.no_grad(), traceable_masks(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer's warnings about the model's code
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                _TensorsAlone(model, list(inputs)), tensors, strict=False, check_trace=False
            )
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a model may check, while it is traced, what the tracer does not know
        raise RuntimeError(
            f"TorchScript cannot trace {type(model).__name__} of Transformers {transformers.__version__}: "
            f"torchscript=False runs it untraced (torch.jit.trace: {error})"
        ) from error

    @torch.no_grad()
    def run() -> object:
        return traced(*tensors)

    return run


class _TensorsAlone(torch.nn.Module):
    """A model that takes its inputs by position and returns tuples of tensors, as tracing requires."""

    def __init__(self, model: torch.nn.Module, names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *tensors: torch.Tensor) -> Any:
        return _tensors_in(self.model(**dict(zip(self.names, tensors, strict=True))))


def _tensors_in(outputs: Any) -> Any:
    """Return the tensors in nested outputs, leaving out everything else."""
    if isinstance(outputs, torch.Tensor):
        return outputs
    values = outputs.values() if hasattr(outputs, "values") else outputs
    return tuple(_tensors_in(value) for value in values if isinstance(value, torch.Tensor | tuple | list | dict))


def build(
    model_class: type[torch.nn.Module],
    config: PretrainedConfig,
    dtype: torch.dtype,
    device: torch.device,
    seed: int,
) -> torch.nn.Module:
    """Build a model with random weights in little more time than filling its memory once takes.

    The parameters are created without random numbers, and filled; constants are set, since some constructors copy them
    into buffers, as DETR does with its backbone's norms.  Then the model initialises itself without drawing
    random numbers, so that meaningful values (zeros, ones, scales, sinusoidal positions) are as the model defines them,
    in parameters and in buffers.
    """
    default_dtype = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # for random numbers that a constructor draws itself
            with torch.device(device), _left_out(_is_random), _without_initialisation():
                model = model_class(config)
            model.to(device)  # tensors that the model created without using the default device
            fill(model, seed)
            if isinstance(model, PreTrainedModel):
                with torch.device(device), _left_out(_is_random), _without_random_methods():
                    model.initialize_weights()  # type: ignore[no-untyped-call]
    finally:
        torch.set_default_dtype(default_dtype)
    return model


@contextmanager
def _without_initialisation() -> Iterator[None]:
    """Disable Transformers' initialisation at the end of each constructor."""
    with mock.patch.object(PreTrainedModel, "initialize_weights", return_value=None):
        yield


@contextmanager
def _left_out(is_left_out: Callable[[str], bool]) -> Iterator[None]:
    """Disable the functions that initialise tensors and for which `is_left_out` is true."""
    replaced: list[tuple[dict[str, Callable[..., Any]], str, Callable[..., Any]]] = [
        (table, name, function)
        for table in initialisation_tables()
        for name, function in table.items()
        if name.endswith("_") and not name.startswith("_") and is_left_out(name)
    ]
    for table, name, _ in replaced:
        table[name] = _leave
    try:
        yield
    finally:
        for table, name, function in replaced:
            table[name] = function


@contextmanager
def _without_random_methods() -> Iterator[None]:
    """Disable the tensor methods that draw random numbers, which Transformers 4 initialises with."""
    with ExitStack() as patches:
        for name in _RANDOM_METHODS:
            patches.enter_context(mock.patch.object(torch.Tensor, name, _leave))
        yield


def _is_random(function_name: str) -> bool:
    return function_name.startswith(_RANDOM_FUNCTIONS)


def _leave(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    return tensor


@torch.no_grad()
def fill(model: torch.nn.Module, seed: int) -> None:
    """Fill the parameters: scales of norms with ones, all others with a repeated block of normal random numbers.

    Every page is written.  The numbers are neither denormal nor large, so that computing with them costs as much as
    with trained weights.
    """
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(_BLOCK_NUMBERS, generator=generator).mul_(_WEIGHT_STD)
    blocks: dict[tuple[torch.dtype, torch.device], torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2 and name.endswith("weight"):
            parameter.fill_(1.0)
            continue
        kind = (parameter.dtype, parameter.device)
        block = blocks.setdefault(kind, numbers.to(device=parameter.device, dtype=parameter.dtype))
        flat = parameter.view(-1)
        whole = flat.numel() // block.numel() * block.numel()
        flat[:whole].view(-1, block.numel()).copy_(block)
        flat[whole:].copy_(block[: flat.numel() - whole])


def to_tensors(arrays: dict[str, Any], model: torch.nn.Module, device: torch.device) -> Tensors:
    """Copy inputs and labels to the device, each array once; floating-point numbers get the weights' data type.

    Lists and dictionaries of arrays, such as labels of several objects per image, stay lists and dictionaries.
    """
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.get_default_dtype())
    made: dict[int, torch.Tensor] = {}

    def tensor(array: Any) -> Any:
        if isinstance(array, list):
            return [tensor(part) for part in array]
        if isinstance(array, dict):
            return {name: tensor(part) for name, part in array.items()}
        if not isinstance(array, np.ndarray):
            return array
        if id(array) not in made:
            kind = {"i": torch.long, "b": torch.bool}.get(array.dtype.kind, dtype)
            made[id(array)] = torch.from_numpy(array).to(device=device, dtype=kind)
        return made[id(array)]

    return {name: tensor(array) for name, array in arrays.items()}


@torch.no_grad()
def infer(model: torch.nn.Module, inputs: Tensors) -> object:
    """Run one forward pass."""
    return model(**inputs)


def model_loss(outputs: Any) -> torch.Tensor:
    """Return the loss among a model's outputs, or the mean of the first output of a model without one.

    Raises
    ------
    NotImplementedError
        If the model computes nothing that gradients can flow back from.
    """
    loss: torch.Tensor | None = getattr(outputs, "loss", None)
    if loss is None:
        loss = next((tensor for tensor in floating_tensors(outputs) if tensor.requires_grad), None)
        if loss is None:
            raise NotImplementedError("this model cannot be trained: no gradient flows back from what it returns")
    return loss.mean()  # some models return a loss for each example
