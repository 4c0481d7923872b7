"""What a plain script of the user's own reads of training: peak memory of the process, and before the model.

With ``"settled"``, large blocks come from the system and return to it, as while this project reads a peak.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

from common import answer, request

asked = request()
if asked.get("settled"):
    libc = ctypes.CDLL(None)
    libc.mallopt(-3, 128 * 1024)  # M_MMAP_THRESHOLD
    libc.mallopt(-1, 256 * 1024)  # M_TRIM_THRESHOLD

import torch  # noqa: E402 - what the heap is like must be said before
import transformers  # noqa: E402


def memory_mb(name: str) -> float:
    """Return a line of this process's status, MB."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[name].split()[0]) / 1024


config = transformers.AutoConfig.for_model(**asked["config"])
model_class: Any = getattr(transformers, config.architectures[0])
before_mb = memory_mb("VmRSS")
model = model_class(config).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
ids = torch.randint(config.vocab_size, (asked["batch_size"], asked["length"]))
for _ in range(3):
    optimizer.zero_grad()
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
answer({"memory_mb": memory_mb("VmHWM"), "before_mb": before_mb})
