"""Results of several runs."""

from __future__ import annotations

import pytest
from support.pages import Tags

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def with_versions(framework, transformers_version, time_s):
    measurement = Measurement("ok", Timing((time_s, time_s)))
    environment = {"transformers_version": transformers_version, "framework_version": "2.0", "system": "Linux"}
    return BenchmarkResults([(Case(framework, "bert", "inference", 8, 8), measurement)], environment, {"memory": False})


def test_results_of_several_runs_stand_in_one_table_with_what_differs():
    both = with_versions("PyTorch", "4.57.6", 0.1) + with_versions("PyTorch", "5.23.0", 0.2)
    labels = ["bert (Transformers 4.57.6)", "bert (Transformers 5.23.0)"]
    assert both.labels == labels
    assert both.environment == {
        "transformers_version": ["4.57.6", "5.23.0"], "framework_version": "2.0", "system": "Linux",
    }  # fmt: skip
    assert [facts["transformers_version"] for facts in both.environments] == ["4.57.6", "5.23.0"]
    assert [both.time_inference_result[label]["result"][8][8] for label in labels] == [0.1, 0.2]
    assert {"100", "200", *labels} <= set(Tags(both._repr_html_()).texts)
    three = both + with_versions("TensorFlow", "4.57.6", 0.3) + with_versions("TensorFlow", "4.57.6", 0.4)
    assert three.labels[1:] == [
        "bert (PyTorch, Transformers 5.23.0)",
        "bert (TensorFlow, Transformers 4.57.6)",
        "bert (TensorFlow, Transformers 4.57.6, run 2)",
    ]
    assert len(three.plot().patches) == 4


def test_only_results_are_added():
    with pytest.raises(TypeError):
        with_versions("PyTorch", "5", 0.1) + 1
