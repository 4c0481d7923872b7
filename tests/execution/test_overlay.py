"""TensorFlow and the older Transformers beside Transformers 5, as in a notebook whose environment must not change."""

from __future__ import annotations

import pytest
import transformers

from hfbench_nb import (
    PyTorchBenchmark,
    PyTorchBenchmarkArguments,
    TensorFlowBenchmark,
    TensorFlowBenchmarkArguments,
)
from hfbench_nb.frontends import cli

pytestmark = [
    pytest.mark.measures,
    pytest.mark.skipif(transformers.__version__ < "5", reason="in this environment Transformers 4 needs no overlay"),
]


def test_two_majors_and_two_frameworks_in_one_table(model, tmp_path):
    overlay = tmp_path / "overlay"
    assert cli.main(["overlay", "tensorflow", str(overlay)]) == 0
    given = {"models": [str(model)], "batch_sizes": [1], "sequence_lengths": [8], "max_seconds": 0.1, "rounds": 1}
    new = PyTorchBenchmark(PyTorchBenchmarkArguments(**given)).run()
    old = PyTorchBenchmark(PyTorchBenchmarkArguments(**given, overlay=str(overlay))).run()
    tensorflow = TensorFlowBenchmark(TensorFlowBenchmarkArguments(**given, overlay=str(overlay))).run()
    results = new + old + tensorflow
    assert list(results.frame["status"]) == ["ok"] * 3, list(results.frame["error"])
    assert list(results.frame["framework"]) == ["PyTorch", "PyTorch", "TensorFlow"]
    versions = [measurement.details["transformers_version"] for _, measurement in results.entries]
    assert versions[0] == transformers.__version__
    assert versions[1] == versions[2]
    assert versions[2].startswith("4.")
    shown = results._repr_html_()
    assert f"(PyTorch, Transformers {versions[0]})" in shown
    assert f"(PyTorch, Transformers {versions[1]})" in shown
    assert f"(TensorFlow, Transformers {versions[2]})" in shown
    assert transformers.__version__ >= "5"
