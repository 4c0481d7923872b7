"""Runs of TensorFlow."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
import transformers

from hfbench_nb import TensorFlowBenchmarkArguments

needs_tensorflow = pytest.mark.skipif(
    find_spec("tensorflow") is None or transformers.__version__ >= "5",
    reason="TensorFlow models need tensorflow and Transformers 4, which this environment does not have",
)


def arguments(**given: Any) -> TensorFlowBenchmarkArguments:
    return TensorFlowBenchmarkArguments(
        **{"models": ["tiny"], "batch_sizes": [1], "sequence_lengths": [8], "max_seconds": 0.02, "rounds": 1, **given}
    )
