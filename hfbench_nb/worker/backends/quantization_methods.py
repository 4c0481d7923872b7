"""The methods of quantization, and which of them a model's own configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INT8_DYNAMIC, INT8, INT4 = "int8_dynamic", "int8_weight_only", "int4_weight_only"
BNB_8BIT, BNB_4BIT = "bnb_8bit", "bnb_4bit"
TORCHAO, BITSANDBYTES = "torchao", "bitsandbytes"


def method_of(config: Any) -> str:
    """Return the method that a configuration's own ``quantization_config`` asks for; empty for none, or another."""
    found = getattr(config, "quantization_config", None)
    settings = found if isinstance(found, Mapping) else vars(found) if found is not None else {}
    name = settings.get("quant_method")
    library = str(getattr(name, "value", name))
    if library == BITSANDBYTES or "load_in_8bit" in settings or "load_in_4bit" in settings:
        names = {"load_in_8bit": BNB_8BIT, "load_in_4bit": BNB_4BIT}
        return next((method for key, method in names.items() if settings.get(key) or settings.get(f"_{key}")), "")
    return _method_of_torchao(settings.get("quant_type")) if library == TORCHAO else ""


def _method_of_torchao(kind: Any) -> str:
    """Return the method of a type of quantization of torchao: its name, its configuration, or that as a dictionary."""
    if isinstance(kind, Mapping):
        kind = kind.get("default", kind)
        kind = kind.get("_type", "") if isinstance(kind, Mapping) else kind
    name = kind if isinstance(kind, str) else type(kind).__name__
    known = {
        "int8weightonly": INT8,
        "int4weightonly": INT4,
        "int8dynamicactivationint8weight": INT8_DYNAMIC,
    }
    return known.get(name.lower().replace("_", "").removesuffix("config"), "")
