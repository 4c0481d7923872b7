"""What the programs share: how they are asked and how they answer.  They run in several environments."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

# In front of the line that holds the answer, so that nothing which a library prints is taken for it.
ANSWER = "ANSWER "


def request() -> dict[str, Any]:
    """Return what was asked, from the command line, and bring this process into the state that it names."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    become(asked.get("caller", "fresh"))
    return asked


def answer(found: dict[str, Any]) -> None:
    """Print the answer."""
    print(ANSWER + json.dumps(found), flush=True)


class Spent:
    """What is spent from now on: time, and processor time of this process itself."""

    def __init__(self) -> None:
        self._start_s, self._start_cpu_s = time.perf_counter(), time.process_time()

    def until_now(self) -> dict[str, float]:
        """Return both, seconds."""
        wall_s, cpu_s = time.perf_counter() - self._start_s, time.process_time() - self._start_cpu_s
        return {"measuring_s": wall_s, "measuring_cpu_s": cpu_s}


def configurations(asked: dict[str, Any]) -> list[Any]:
    """Make the configurations of BERT that are asked for."""
    from transformers import BertConfig

    return [BertConfig(**changes) for changes in asked["models"].values()]


def become(caller: str) -> None:
    """Bring this process into a state that the measurements should not feel.

    ``fresh``; ``holds memory``, 1 GiB of it; ``used threads``, those of PyTorch.
    """
    global held
    if caller == "holds memory":
        import numpy as np

        held = np.ones(1 << 27)
    elif caller == "used threads":
        import torch

        for _ in range(5):
            torch.ones(1000, 1000) @ torch.ones(1000, 1000)
    elif caller != "fresh":
        raise ValueError(f"unknown state of the caller: {caller!r}")


held: Any = None
