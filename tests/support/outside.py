"""What is asked of a framework, a task and a metric from outside."""

from __future__ import annotations

from hfbench_nb.results.metrics import Metric
from support.tiny import TINY

VECTORS = Metric("vectors_kb", "Size of the vectors", "KB", is_headline=True)
TWO_VECTORS_KB = 2 * TINY["bert"]["hidden_size"] * 4 / 1024
BRIEF = "--batch_sizes 2 --sequence_lengths 8 --max_seconds 0.05 --rounds 1"

ONE_CASE = {
    "batch_sizes": [2],
    "sequence_lengths": [8],
    "max_seconds": 0.05,
    "rounds": 1,
    "inference": False,
    "embedding": True,
}
