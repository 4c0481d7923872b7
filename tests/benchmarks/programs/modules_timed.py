"""What the parts of a model take in a plain script, told by their names and by reading the clock around each.

Nothing is traced.  A part that holds another, such as a norm within attention, takes what is left.
"""

from __future__ import annotations

import re
import statistics
import time
from typing import Any

from common import answer, request

asked = request()

import torch  # noqa: E402 - after the state of this process was chosen
import transformers  # noqa: E402

torch.set_num_threads(1)
config = transformers.AutoConfig.for_model(**asked["config"])
model: Any = getattr(transformers, config.architectures[0])(config).eval()
ids = torch.randint(config.vocab_size, (asked["batch_size"], asked["length"]))
spent: dict[str, float] = {}
open_parts: list[list[Any]] = []


def begin(group: str) -> None:
    """Start a part: what holds it stands still."""
    now = time.perf_counter()
    if open_parts:
        outer, since = open_parts[-1]
        spent[outer] = spent.get(outer, 0.0) + now - since
    open_parts.append([group, time.perf_counter()])


def end() -> None:
    """End a part."""
    now = time.perf_counter()
    group, since = open_parts.pop()
    spent[group] = spent.get(group, 0.0) + now - since
    if open_parts:
        open_parts[-1][1] = time.perf_counter()


for name, module in model.named_modules():
    group = next((group for group, pattern in asked["parts"].items() if re.fullmatch(pattern, name)), None)
    if group is not None:
        module.register_forward_pre_hook(lambda *_, group=group: begin(group))
        module.register_forward_hook(lambda *_: end())

calls: list[dict[str, float]] = []
with torch.no_grad():
    for _ in range(asked["calls"] + 1):
        spent.clear()
        begin("other")
        model(input_ids=ids)
        end()
        calls.append(dict(spent))
answer({group: statistics.median(call[group] for call in calls[1:]) for group in calls[-1]})
