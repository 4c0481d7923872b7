"""PyTorch: building Transformers models quickly, their inputs, and one pass of each task."""

from __future__ import annotations

import base64
import inspect
import pickle
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
import transformers
from transformers import PretrainedConfig, PreTrainedModel
from transformers.models.auto import modeling_auto

from hfbench_nb.records import ModelSpec

# Where the classes of each task are looked up, in this order.
_MAPPINGS = {
    "inference": ("MODEL_MAPPING",),
    "training": (
        "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING",
        "MODEL_FOR_MASKED_LM_MAPPING",
        "MODEL_FOR_CAUSAL_LM_MAPPING",
    ),
}
# Spread of the random weights, as most models are initialised.
_WEIGHT_STD = 0.02
# Weights are filled by copying a block of this many random numbers: it stays in the processor's cache.
_BLOCK_NUMBERS = 1 << 16
_IGNORED_LABEL = -100

Inputs = dict[str, torch.Tensor]


def find_class(
    spec: ModelSpec, task: str, *, only_pretrain_model: bool
) -> tuple[PretrainedConfig, type[torch.nn.Module]]:
    """Give the configuration and the class that is built from it.

    Raises
    ------
    ValueError
        If Transformers, in the version installed here, does not know the model.
    """
    registered: dict[str, type[torch.nn.Module] | None] = {}
    if spec.pickled is not None:
        config, registered = pickle.loads(base64.b64decode(spec.pickled))  # from this user's own notebook, by a pipe
    else:
        config = transformers.AutoConfig.for_model(**spec.config)
    architectures = getattr(config, "architectures", None) or []
    named = getattr(transformers, architectures[0], None) if architectures else None
    if architectures and named is None and not only_pretrain_model and not registered.get(task):
        raise ValueError(
            f"Transformers {transformers.__version__} has no class {architectures[0]}, which the configuration names; "
            "only_pretrain_model=True measures the pretrained model instead"
        )
    if named is not None and not only_pretrain_model:
        return config, named
    own = registered.get(task) or registered.get("inference")
    return config, own or _class_for(config, task)


def _class_for(config: PretrainedConfig, task: str) -> type[torch.nn.Module]:
    """Look a class up by the configuration's class, or by one that it is derived from."""
    for config_class in type(config).__mro__:
        for name in (*_MAPPINGS[task], *_MAPPINGS["inference"]):
            mapping = getattr(modeling_auto, name)
            if config_class in mapping:
                found = mapping[config_class]
                return found[0] if isinstance(found, tuple) else found  # type: ignore[no-any-return]
    raise ValueError(f"Transformers {transformers.__version__} has no model for {type(config).__name__}")


def prepare_for_tracing(config: PretrainedConfig) -> None:
    """Let the model return tensors alone: all that TorchScript can trace."""
    config.torchscript = True
    config.return_dict = False
    config.use_cache = False


def build(
    model_class: type[torch.nn.Module],
    config: PretrainedConfig,
    dtype: torch.dtype,
    device: torch.device,
    seed: int,
) -> torch.nn.Module:
    """Build a model with random weights for little more than filling its memory once.

    The parameters are made without being initialised, then filled; buffers are made as the model makes them.
    """
    default_dtype = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device), _without_initialisation():
            model = model_class(config)
    finally:
        torch.set_default_dtype(default_dtype)
    model.to(device)  # what the model made without asking for the default device
    fill(model, seed)
    return model


@contextmanager
def _without_initialisation() -> Iterator[None]:
    """Make `torch.nn.init` and Transformers' initialisation do nothing."""

    def leave(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return tensor

    with ExitStack() as patches:
        for name in dir(torch.nn.init):
            if name.endswith("_") and not name.startswith("_"):
                patches.enter_context(mock.patch.object(torch.nn.init, name, leave))
        patches.enter_context(mock.patch.object(PreTrainedModel, "initialize_weights", return_value=None))
        yield


@torch.no_grad()
def fill(model: torch.nn.Module, seed: int) -> None:
    """Fill the parameters: scales of norms with ones, everything else with normal numbers that repeat block by block.

    Every page is written.  The numbers are neither denormal nor large, so that they cost what trained weights cost.
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


def make_inputs(
    model: torch.nn.Module, batch_size: int, sequence_length: int, device: torch.device, seed: int
) -> Inputs:
    """Make uniform random token ids, shape ``(batch_size, sequence_length)``, also for the decoder if there is one."""
    config: Any = model.config
    vocabulary = _text_config(config).vocab_size
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(vocabulary, (batch_size, sequence_length), generator=generator).to(device)
    return {"input_ids": ids, "decoder_input_ids": ids} if config.is_encoder_decoder else {"input_ids": ids}


def _text_config(config: Any) -> Any:
    return config if hasattr(config, "vocab_size") else config.get_text_config()


def make_labels(model: torch.nn.Module, inputs: Inputs, seed: int) -> tuple[Inputs, str]:
    """Make labels that fit the model's head.

    Returns
    -------
    labels
        Arguments of the forward pass, by name; none for a model without a loss.
    str
        What is minimised, in words.
    """
    accepted = inspect.signature(model.forward).parameters
    ids = inputs["input_ids"]
    head = type(model).__name__
    generator = torch.Generator().manual_seed(seed)
    if "start_positions" in accepted and "labels" not in accepted:
        first = torch.zeros(len(ids), dtype=torch.long, device=ids.device)
        return {"start_positions": first, "end_positions": first}, "span of the answer"
    if "labels" not in accepted:
        return {}, "mean of the output: the model has no loss"
    classes = int(getattr(model.config, "num_labels", 2))
    if head.endswith("ForSequenceClassification"):
        return {"labels": torch.randint(classes, (len(ids),), generator=generator).to(ids.device)}, "class of the text"
    if head.endswith("ForTokenClassification"):
        return {"labels": torch.randint(classes, ids.shape, generator=generator).to(ids.device)}, "class of each token"
    if head.endswith("ForPreTraining") and "next_sentence_label" in accepted:
        pair = torch.zeros(len(ids), dtype=torch.long, device=ids.device)
        return {"labels": ids, "next_sentence_label": pair}, "each token and the next sentence"
    return {"labels": ids}, "each token"


@torch.no_grad()
def infer(model: torch.nn.Module, inputs: Inputs) -> object:
    """Run one forward pass."""
    return model(**inputs)


def train(model: torch.nn.Module, inputs: Inputs, labels: Inputs) -> torch.Tensor:
    """Clear the gradients, run one forward and one backward pass; return the loss."""
    model.zero_grad(set_to_none=True)
    outputs = model(**inputs, **labels)
    loss: torch.Tensor = outputs[0] if labels else outputs[0].mean()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss
