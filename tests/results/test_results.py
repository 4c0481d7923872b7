"""What a user gets from results: the frame, the original's structures and report, tables, files."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.measured import MIB, case_of, failed, function_row, ok, results_of, sweep
from support.pages import Tags

from hfbench_nb import ArgumentError, BenchmarkResults, load_results, read_csv
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.frame import columns
from hfbench_nb.results.metrics import Metric

pytestmark = [pytest.mark.shows, pytest.mark.quick]


@pytest.fixture
def results():
    entries = [
        (case_of(sequence_length=8), ok(0.0001)),
        (case_of(sequence_length=512), ok(1.2345, 914)),
        (case_of("a-model-whose-name-is-longer-than-thirty-characters"), ok(0.02, 1281)),
        (case_of("a-model-whose-name-is-longer-than-thirty-characters", sequence_length=512), failed()),
    ]
    environment = {"transformers_version": "4.57.6", "framework": "PyTorch", "use_gpu": False}
    return BenchmarkResults(entries, environment, {"speed": True, "memory": True, "env_print": True})


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
    measured = dataclasses.replace(ok(0.02), details={"parameters": 109_482_240})
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


def test_the_originals_dictionaries(results):
    nested = results.time_inference_result
    assert nested["bert"] == {"bs": [8], "ss": [8, 512], "result": {8: {8: 0.0001, 512: 1.2345}}}
    memory = results.memory_inference_result
    assert memory["bert"]["result"][8][512].bytes == 914 * MIB
    assert str(memory["bert"]["result"][8][512]) == "914"
    assert memory["a-model-whose-name-is-longer-than-thirty-characters"]["result"][8][512] == "N/A"
    assert results.time_train_result["bert"]["result"] == {8: {}}
    assert results.inference_summary is None
    assert results.train_summary is None


def test_report_is_the_originals():
    entries = [
        (case_of("bert-base", sequence_length=n), ok(t, m)) for n, t, m in [(8, 0.0001, 1277), (128, 0.018, 1307)]
    ]
    results = BenchmarkResults(entries, {"framework": "PyTorch", "use_tpu": False}, {"env_print": True})
    rule = 80 * "-"
    # By the code of transformers 4.48.3, which prints each row as three texts with a blank between them.
    assert str(results).split("\n") == [
        "",
        "====================       INFERENCE - SPEED - RESULT       ====================",
        rule,
        "          Model Name             Batch Size     Seq Length     Time in s   ",
        rule,
        "          bert-base                  8               8            < 0.001    ",
        "          bert-base                  8              128            0.018     ",
        rule,
        "",
        "====================      INFERENCE - MEMORY - RESULT       ====================",
        rule,
        "          Model Name             Batch Size     Seq Length    Memory in MB ",
        rule,
        "          bert-base                  8               8              1277     ",
        "          bert-base                  8              128             1307     ",
        rule,
        "",
        "====================        ENVIRONMENT INFORMATION         ====================",
        "- framework: PyTorch",
        "- use_tpu: False",
        "",
    ]
    assert "ENVIRONMENT" not in results.report(environment=False)


def test_report_cuts_no_name_and_says_why_a_case_failed(results):
    report = str(results)
    name = "a-model-whose-name-is-longer-than-thirty-characters"
    assert f" {name} " in report
    assert f"N/A: {name}, inference, batch size 8, sequence length 512: oom: MemoryError: no memory" in report
    lengths = {len(line) for line in report.splitlines() if line.startswith("---")}
    assert lengths == {80 + len(name) + 2 - 30}
    assert repr(results) == report


def test_csv_files_are_the_originals(results, tmp_path):
    paths = results.to_csv(tmp_path / "new folder")
    assert [path.name for path in paths] == ["inference_time.csv", "inference_memory.csv", "env_info.csv"]
    assert paths[0].read_text().splitlines() == [
        "model,batch_size,sequence_length,result",
        "bert,8,8,0.0001",
        "bert,8,512,1.2345",
        "a-model-whose-name-is-longer-than-thirty-characters,8,8,0.02",
        "a-model-whose-name-is-longer-than-thirty-characters,8,512,N/A",
    ]
    assert paths[2].read_text().splitlines()[0] == "transformers_version,4.57.6"
    assert sorted(p.name for p in paths[0].parent.iterdir()) == sorted(p.name for p in paths)


def test_csv_files_come_back(results, tmp_path):
    time_path, memory_path, _ = results.to_csv(tmp_path)
    times, memories = read_csv(time_path), read_csv(memory_path, task="training")
    assert times.frame["time_s"].tolist()[:3] == results.frame["time_s"].tolist()[:3]
    assert times.frame["memory_mb"].isna().all()
    assert list(times.frame["status"]) == ["ok", "ok", "ok", "error"]
    assert memories.frame["memory_mb"].tolist()[:3] == [500.0, 914.0, 1281.0]
    assert set(memories.frame["task"]) == {"training"}


def test_a_file_of_the_original_is_read(tmp_path):
    path = tmp_path / "inference_time_1595.csv"
    path.write_bytes(b"model,batch_size,sequence_length,result\r\nbert,8,8,0.0006\r\nbert,8,32,N/A\r\n")
    results = read_csv(path)
    assert results.frame["time_s"][0] == 0.0006
    assert results.frame["error"][1] == "MissingResult: the file says 'N/A'"
    assert not results.frame["noisy"].any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, has no columns; give a file that to_csv has written"),
        ("a,b\n1,2\n", r"has the columns \['a', 'b'\]"),
        ("model,batch_size,sequence_length,result\nbert,x,8,1\n", "line 2: batch_size and sequence_length must be"),
        ("model,batch_size,sequence_length,result\nbert,8,8\n", "line 2, does not have 4 columns"),
        ("model,batch_size,sequence_length,result\nbert,8,8,1,2\n", "line 2, does not have 4 columns"),
        ("model,batch_size,sequence_length,result\nbert,8,8,-1\n", "line 2: result='-1' is neither a number nor N/A"),
        ("model,batch_size,sequence_length,result\nbert,8,8,inf\n", "result='inf'"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, text, message):
    path = tmp_path / "file.csv"
    path.write_text(text)
    with pytest.raises(ArgumentError, match=message):
        read_csv(path)
    with pytest.raises(ArgumentError, match="cannot be read as CSV"):
        read_csv(tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    with pytest.raises(ArgumentError):
        read_csv(path)


def test_saved_results_come_back_with_every_sample(results, tmp_path):
    results.save(tmp_path / "run")
    loaded = load_results(tmp_path / "run")
    assert loaded.entries == results.entries
    assert loaded.environment == results.environment
    assert str(loaded) == str(results)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["results.jsonl"]


def test_some_rows_are_results_again():
    results = sweep(["bert", "gpt2"], lengths=[8, 32, 512])
    assert len(results) == 6
    assert [(row.label, row.case.sequence_length) for row in results][:2] == [("bert", 8), ("bert", 32)]
    chosen = results["gpt2"]
    assert isinstance(chosen, BenchmarkResults)
    assert chosen.frame["model"].tolist() == ["gpt2"] * 3
    assert (chosen.arguments, chosen.environment) == (results.arguments, results.environment)
    few = results[{"model": "bert", "sequence_length": [8, 512], "status": "ok"}]
    assert few.frame["sequence_length"].tolist() == [8, 512]
    assert few["bert"].plot().lines


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ({"framework": "pytorch"}, {"google-bert/BERT", "bert", "gpt2"}),
        ("GPT2", {"gpt2"}),
        ("bert", {"bert"}),  # exactly so
        ("google-bert/bert", {"google-bert/BERT"}),
        ("Bert", {"google-bert/BERT", "bert"}),
        ({"model": ["Gpt2", "bert"], "status": "OK"}, {"gpt2", "bert"}),
    ],
)
def test_rows_are_selected_as_people_write_them(key, found):
    results = sweep(["google-bert/BERT", "bert", "gpt2"])
    assert set(results[key].frame["model"]) == found


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ({"batch_sizes": 8}, r"no row has 'batch_sizes'; there are .* Did you mean batch_size\?"),
        ({"framework": "jax"}, r"framework is one of 'PyTorch' in these rows"),
        ("berd", r"key='berd' cannot be used: key must be one of 'bert', 'gpt2'"),
        (0, r"key=0 cannot be used: key must be the name of a model, or settings"),
        ({}, r"key=\{\} cannot be used"),
        ({"colour": 1}, r"no row has 'colour'; there are 'framework', 'model'"),
        ({"batch_size": 9}, r"batch_size is one of 8 in these rows"),
    ],
)
def test_what_selects_nothing_is_told(key, message):
    with pytest.raises(ArgumentError, match=message):
        sweep(["bert", "gpt2"])[key]


def test_saving_never_replaces_the_results_of_another_run_unasked(results, tmp_path):
    path = results.save(tmp_path)
    assert results.save(tmp_path) == path  # these again
    (results + results).save(tmp_path)  # and more
    other = sweep(["another"])
    with pytest.raises(ArgumentError, match="without other results: overwrite=True replaces them"):
        other.save(tmp_path)
    assert load_results(tmp_path).frame["model"].tolist() == (results + results).frame["model"].tolist()
    other.save(tmp_path, overwrite=True)
    assert set(load_results(tmp_path).frame["model"]) == {"another"}
    path.write_text("a diary")
    with pytest.raises(ArgumentError, match="overwrite=True"):
        results.save(tmp_path)
    assert path.read_text() == "a diary"


def test_memory_is_rounded_alike_in_the_report_and_the_table():
    peak = MemoryUse("VmHWM", round(768.7 * MIB))
    results = results_of((case_of(), Measurement("ok", memory=peak)))
    assert " 769 " in str(results)
    assert ">769<" in results._repr_html_().replace("<strong>", "").replace("</strong>", "")


def test_a_torn_line_is_left_out_and_said(results, tmp_path):
    path = results.save(tmp_path)
    path.write_text(path.read_text()[:-40])
    with pytest.warns(UserWarning, match=r"results\.jsonl, line 5, is left out"):
        assert len(load_results(tmp_path).entries) == 3


def test_other_formats_are_refused(results, tmp_path):
    with pytest.raises(ArgumentError, match="cannot be read as results"):
        load_results(tmp_path)
    path = results.save(tmp_path)
    head, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(head), "hfbench_nb_format": 99}), *rest]))
    with pytest.raises(ArgumentError, match="has format 99; this version reads 1, 2, 3"):
        load_results(tmp_path)


def test_metrics_of_one_kind_only():
    only_time = BenchmarkResults([(case_of(), Measurement("ok", Timing((1.0,))))], {}, {"speed": True, "memory": False})
    assert "MEMORY" not in str(only_time)
    assert math.isnan(only_time.frame["memory_mb"][0])


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


@pytest.mark.parametrize(
    ("name", "unit", "stem"),
    [
        ("time_s", "s", "time"), ("memory_mb", "MB", "memory"), ("energy_j", "J", "energy"),
        ("tokens_per_s", "tokens/s", "tokens_per_s"), ("output_quality", "", "output_quality"),
        ("bandwidth_utilization", "", "bandwidth_utilization"),
    ],
)  # fmt: skip
def test_the_stem_of_a_metric_is_its_name_without_its_unit(name, unit, stem):
    assert Metric(name, "Title", unit).stem == stem
