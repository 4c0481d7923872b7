"""PyTorch: which class is built, by the settings of a case, and what there is to tell of a model that was built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import transformers

from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.facts import ModelFacts
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.worker.backends import pytorch_models
from hfbench_nb.worker.backends.base import Built
from hfbench_nb.worker.backends.pytorch_attention import choose_attention
from hfbench_nb.worker.backends.pytorch_quantization import weights_bytes
from hfbench_nb.worker.backends.pytorch_weights import StoredTensors, count_parameters


def choose_class(
    spec: ModelSpec, kind: str, settings: Settings, method: Method
) -> tuple[transformers.PretrainedConfig, type[torch.nn.Module]]:
    """Return the configuration, changed as the settings ask for, and the class to build from it."""
    config, model_class = pytorch_models.find_class(
        spec, kind, only_pretrain_model=method.only_pretrain_model, trust_remote_code=method.trust_remote_code
    )
    if settings.get("torchscript"):
        pytorch_models.prepare_for_tracing(config)
    attention = settings.get("attn_implementation")
    if attention is not None:
        choose_attention(config, str(attention))
    return config, model_class


def describe(model: torch.nn.Module, training: bool, note: str) -> Built:
    """Return a model whose weights are all that was added."""
    facts = ModelFacts(type(model).__name__, count_parameters(model), *_buffer_bytes(model))
    return Built(model.train(training), facts, note=note)


def describe_loaded(
    model: torch.nn.Module,
    device: torch.device,
    training: bool,
    note: str,
    details: dict[str, Any],
    parameters: int | None = None,
) -> Built:
    """Return a model that was loaded along with other things: its weights are what its tensors take.

    `parameters` is their number before the model was quantized.
    """
    stored = StoredTensors.of(model)
    facts = ModelFacts(
        type(model).__name__,
        count_parameters(model) if parameters is None else parameters,
        _buffer_bytes(model)[0],
        stored.others_bytes,
        weights_bytes(model),
    )
    if device.type == "cpu":
        stored.make_resident()
    return Built(model.train(training), facts, details=details, note=note)


def with_added(built: Built, note: str) -> Built:
    """Return a model to which parameters were added, with a note on them."""
    facts = None if built.facts is None else replace(built.facts, parameters=count_parameters(built.model))
    return replace(built, facts=facts, note="; ".join(filter(None, [built.note, note])))


def _buffer_bytes(model: torch.nn.Module) -> tuple[int, int]:
    """Return the bytes of the buffers that a checkpoint stores, and of the others."""
    stored = model.state_dict()
    sizes = {True: 0, False: 0}
    for name, buffer in model.named_buffers():
        sizes[name in stored] += buffer.nbytes
    return sizes[True], sizes[False]
