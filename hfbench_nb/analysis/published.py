"""What makers publish of well-known accelerators: data, with its source in the file."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def published() -> dict[str, dict[str, Any]]:
    """Return memory, GB of 10^9 bytes, its bandwidth, GB/s, and rates, TFLOP/s by data type, of each, by name."""
    text = files("hfbench_nb.analysis").joinpath("accelerators.json").read_text("utf-8")
    data: dict[str, Any] = json.loads(text)
    found: dict[str, dict[str, Any]] = data["accelerators"]
    return found


def published_of(gpu: str) -> dict[str, Any] | None:
    """Return what is published of a GPU, by the name that its driver tells; None if it is none of them.

    Examples
    --------
    >>> published_of("NVIDIA A100-SXM4-80GB")["gb_per_s"], published_of("NVIDIA H100 PCIe")
    (2039, None)
    """
    words = set(re.findall(r"[A-Z0-9]+", gpu.upper()))
    # These boards have the chip's name, and other rates.
    if words & {"PCIE", "NVL", "MOBILE", "LAPTOP", "TI", "SUPER"} and not words & {"P100", "A100"}:
        return None
    # The longer name first: A10G is no A10.
    for name in sorted(published(), key=len, reverse=True):
        if set(re.findall(r"[A-Z0-9]+", name.upper())) <= words:
            return published()[name]
    return None
