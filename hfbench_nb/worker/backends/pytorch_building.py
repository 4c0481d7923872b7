"""PyTorch: which class is built, by the settings of a case, and what there is to tell of a model that was built."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.worker.backends import pytorch_models
from hfbench_nb.worker.backends.base import Built
from hfbench_nb.worker.backends.pytorch_attention import choose_attention
from hfbench_nb.worker.backends.pytorch_quantization import weights_bytes
from hfbench_nb.worker.backends.pytorch_weights import StoredTensors


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
    stored = model.state_dict()
    buffers = [(name in stored, buffer.nbytes) for name, buffer in model.named_buffers()]
    unsaved_bytes = sum(size for is_stored, size in buffers if not is_stored)
    details = {
        "model_class": type(model).__name__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "buffer_bytes": sum(size for is_stored, size in buffers if is_stored),
        "non_persistent_buffer_bytes": unsaved_bytes,
    }
    return Built(model.train(training), unsaved_bytes, details=details, note=note)


def describe_loaded(
    model: torch.nn.Module, device: torch.device, training: bool, note: str, details: dict[str, Any]
) -> Built:
    """Return a model that was loaded along with other things: its weights are what its tensors take."""
    stored, size = StoredTensors.of(model), weights_bytes(model)
    if device.type == "cpu":
        stored.make_resident()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    details = {"model_class": type(model).__name__, "parameters": parameters, **details}
    details |= {"weights_bytes": size, "non_persistent_buffer_bytes": stored.others_bytes}
    return Built(model.train(training), stored.others_bytes, size, details=details, note=note)
