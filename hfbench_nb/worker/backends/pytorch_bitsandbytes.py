"""PyTorch: linear layers of bitsandbytes in place of a model's own."""

from __future__ import annotations

from typing import Any

import torch
import transformers


def replace_linear_layers(library: Any, model: torch.nn.Module, device: torch.device, *, bits: int) -> None:
    """Put linear layers of bitsandbytes in place of a model's own, as Transformers does: the last one stays dense.

    Parameters
    ----------
    library
        The module ``bitsandbytes``.
    model
        The model.
    device
        Where it is: moving the weights there quantizes them.
    bits
        8, by LLM.int8(), or 4, by NF4.
    """
    head: Any = None
    if isinstance(model, transformers.PreTrainedModel):
        head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    found = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent.named_children()
        if type(layer) is torch.nn.Linear and layer is not head
    ]
    for parent, name, layer in found:
        setattr(parent, name, _made(library, layer, device, bits))


def _made(library: Any, layer: torch.nn.Linear, device: torch.device, bits: int) -> torch.nn.Module:
    has_bias, weight = layer.bias is not None, layer.weight.data
    made: Any
    with torch.device("meta"):  # its own weights are not needed
        if bits == 8:
            made = library.nn.Linear8bitLt(
                layer.in_features, layer.out_features, has_bias, has_fp16_weights=False, threshold=6.0
            )
        else:
            made = library.nn.Linear4bit(
                layer.in_features, layer.out_features, has_bias, compute_dtype=weight.dtype, quant_type="nf4"
            )
    host = weight.to("cpu")  # what is on the device already would not be quantized
    if bits == 8:
        made.weight = library.nn.Int8Params(host, requires_grad=False, has_fp16_weights=False).to(device)
    else:
        made.weight = library.nn.Params4bit(host, requires_grad=False, quant_type="nf4").to(device)
    made.bias = layer.bias
    return made.train(layer.training)  # type: ignore[no-any-return]
