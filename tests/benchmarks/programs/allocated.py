"""What PyTorch's allocator hands out in real calls, by its own count, of one model."""

from __future__ import annotations

import sys
from pathlib import Path

from common import answer, request

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support.allocated import really_needed

from hfbench_nb.configurations.lookup import find_model

asked = request()
spec = find_model(asked["model"])
found = {}
for title, case in asked["cases"].items():
    needed_bytes = really_needed(case["task"], spec, case["settings"], asked["batch_size"], asked["length"])
    found[title] = needed_bytes / 2**20
answer({"working_mb": found})
