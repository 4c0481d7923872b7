"""The frame: one row per case, a column per metric."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from support.measured import case_of, failed, function_row, ok

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.facts import ModelFacts
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.frame import columns

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def test_frame_has_the_documented_columns_one_row_per_case(results):
    assert tuple(results.frame.columns) == tuple(columns(())) == (
        "framework", "model", "task", "batch_size", "sequence_length", "status", "time_s", "time_ci_low_s",
        "time_ci_high_s", "time_min_s", "time_mean_s", "time_std_s", "time_p90_s", "time_p99_s",
        "sequences_per_s", "tokens_per_s", "ms_per_token", "flops", "gflops_per_s", "utilization", "energy_j",
        "samples", "noisy", "memory_mb", "baseline_mb",
        "weights_mb", "working_mb", "memory_method", "parameters", "error",
    )  # fmt: skip
    assert list(results.frame["status"]) == ["ok", "ok", "ok", "oom"]
    row, bad = results.frame.iloc[1], results.frame.iloc[3]
    assert (row["time_s"], row["samples"], row["memory_mb"], row["working_mb"]) == (1.2345, 3, 914.0, 464.0)
    assert bad[["time_s", "time_ci_low_s", "memory_mb", "weights_mb"]].isna().all()
    assert (bad["samples"], bad["error"]) == (0, "MemoryError: no memory")
    numbers = results.frame[[c for c in columns(()) if c.endswith(("_s", "_mb"))]]
    assert all(np.issubdtype(dtype, np.floating) for dtype in numbers.dtypes)


def test_throughput_time_per_token_and_parameters_are_in_frame_and_table():
    measured = dataclasses.replace(ok(0.02), model_facts=ModelFacts("BertModel", 109_482_240))
    results = BenchmarkResults(
        [(case_of(sequence_length=32), measured), (case_of(sequence_length=64), failed())], {}, {}
    )
    row = results.frame.iloc[0]
    assert (row["sequences_per_s"], row["tokens_per_s"]) == pytest.approx((8 / 0.02, 8 * 32 / 0.02))
    assert row["ms_per_token"] == pytest.approx(20 / (8 * 32))
    assert results.frame["parameters"].tolist() == [109_482_240, pd.NA]
    table = results.table(["tokens_per_s", "ms_per_token"], index="model")
    assert table["tokens_per_s"].loc["bert", 32] == pytest.approx(12_800)
    of_functions = BenchmarkResults([function_row()], {}, {}).frame
    assert not {"tokens_per_s", "ms_per_token", "parameters"} & set(of_functions)


def test_the_slowest_calls_are_known_where_there_are_samples_of_them():
    times_s = tuple(1e-3 * i for i in range(1, 101))
    for samples_s, calls, wanted in (
        (times_s, 1, (0.0901, 0.09901)),
        (times_s[:10], 1, (0.0091, math.nan)),
        (times_s[:9], 1, (math.nan, math.nan)),
        (times_s, 5, (math.nan, math.nan)),  # of means of five
    ):
        row = BenchmarkResults([(case_of(), Measurement("ok", Timing(samples_s, calls)))], {}, {}).frame.iloc[0]
        assert (row["time_p90_s"], row["time_p99_s"]) == pytest.approx(wanted, nan_ok=True)


def test_metrics_of_one_kind_only():
    only_time = BenchmarkResults([(case_of(), Measurement("ok", Timing((1.0,))))], {}, {"speed": True, "memory": False})
    assert "MEMORY" not in str(only_time)
    assert math.isnan(only_time.frame["memory_mb"][0])
