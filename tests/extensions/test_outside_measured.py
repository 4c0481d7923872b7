"""Measured with a framework, a task and a metric from outside: by every executor, and with metrics that fail."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from embedding_task import Embedding
from numpy_arguments import NUMPY, NumPyBenchmarkArguments
from support.outside import ONE_CASE, TWO_VECTORS_KB

from hfbench_nb import BenchmarkResults, PyTorchBenchmarkArguments
from hfbench_nb.arguments.fields import option
from hfbench_nb.arguments.measurement import MEASURE
from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.display.tables import make_tables
from hfbench_nb.execution.benchmarks import make_benchmark
from hfbench_nb.frontends.widgets.result_tabs import draw_curves
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.request import Method
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.metrics import METRICS, Metric
from hfbench_nb.worker import measuring
from hfbench_nb.worker.backends import load_backend

# One group: what most of these tests look at is measured once.
pytestmark = [pytest.mark.xdist_group("outside"), pytest.mark.usefixtures("outside", "no_hub")]


@pytest.mark.parametrize("executor_name", ["fresh", "in_process"])
def test_every_executor_measures_the_task_with_the_framework(model, tmp_path, executor_name):
    args = NumPyBenchmarkArguments(models=[model], **ONE_CASE)
    frame = make_benchmark(args).run(tmp_path / "run", executor=executor_name).frame
    assert list(frame["status"]) == ["ok"], list(frame["error"])
    assert list(frame["vectors_kb"]) == [TWO_VECTORS_KB]


@pytest.mark.measures
def test_the_task_works_with_a_framework_of_the_package(model, tmp_path):
    @dataclass(kw_only=True, repr=False)
    class EmbeddingArguments(PyTorchBenchmarkArguments):
        embedding: bool = option(False, "Measure embedding.", task="embedding", group=MEASURE)

    # The class that the configuration names has no last hidden state; the base model has.
    args = EmbeddingArguments(models=[model], only_pretrain_model=True, **ONE_CASE)
    frame = make_benchmark(args).run(tmp_path / "run").frame
    assert list(frame["status"]) == ["ok"], list(frame["error"])
    assert list(frame["framework"]) == ["PyTorch"]
    assert list(frame["vectors_kb"]) == [TWO_VECTORS_KB]


def measured(model, metrics):
    """Measure embedding in this process, with what its workload says of further metrics."""

    class Told(Embedding):
        def _metrics(self):
            return metrics()

    case = Case("NumPy", model, "embedding", 2, 8, Settings(device="cpu", dtype="float32", block_size=8))
    method = Method(max_seconds=0.05, rounds=1)
    workload = Told(case, find_model(model))
    backend = load_backend(NUMPY.backend)
    return measuring.measure(lambda: backend.open(case.settings, method), workload, method, lambda phase, facts: None)


def test_a_metric_that_is_no_number_is_absent(model):
    told = {"vectors_kb": np.float32(0.5), "a": math.nan, "b": math.inf, "c": -1e300}
    measurement = measured(model, lambda: told)
    assert measurement.succeeded
    assert measurement.metrics == {"vectors_kb": 0.5}
    assert Measurement.from_dict(json.loads(json.dumps(measurement.to_dict()))) == measurement


def test_a_metric_that_fails_fails_its_case_and_keeps_the_others(model):
    measurement = measured(model, lambda: {"vectors_kb": 1 / 0})
    assert (measurement.status, measurement.failure.error_type) == ("error", "ZeroDivisionError")
    assert measurement.timing is not None
    assert measurement.memory is not None
    assert measurement.metrics == {}


@pytest.fixture
def with_metrics():
    """Register further metrics, and give results that have them."""
    further = [
        Metric("quality_percent", "Quality", "%", interval=lambda case, measurement: (49.0, 51.0), is_headline=True),
        Metric("share_percent", "Share", "%", lambda case, measurement: 25.0, is_headline=True, is_column=False),
    ]
    case = Case("NumPy", "m", "inference", 2, 8, Settings(block_size=8))
    measurement = Measurement("ok", Timing((0.1, 0.11, 0.12, 0.2), precision=0.02), metrics={"quality_percent": 50.0})
    for metric in further:
        METRICS.register(metric)
    yield BenchmarkResults([(case, measurement)], {}, {"speed": True, "memory": False})
    for metric in further:
        METRICS.remove(metric.name)


def test_a_metric_shows_its_own_interval_and_not_that_of_the_time(with_metrics):
    tables = {table.title.partition(" (")[0]: next(table.cells) for table in make_tables(with_metrics)}
    quality = tables["Quality"]
    assert (quality.text, quality.spread, quality.noisy) == ("50.0", "±2.0 %", False)
    assert quality.hint == "95 % interval 49 % to 51 %"
    assert tables["Time"].noisy or tables["Time"].unknown
    assert "4 samples" in tables["Time"].hint


def test_a_metric_without_a_column_is_shown_too(with_metrics):
    assert "share_percent" not in with_metrics.frame
    assert "Share (%), inference" in with_metrics.to_markdown()
    assert draw_curves(with_metrics).startswith(b"\x89PNG")
