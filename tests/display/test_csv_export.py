"""CSV files that are written: the original's, and what they do with what it did not know."""

from __future__ import annotations

import dataclasses

import pytest
from support.measured import case_of, failed, function_row, measure_result, ok, results_of, traced_run, with_settings
from support.reports import headings

from hfbench_nb import BenchmarkResults, read_csv
from hfbench_nb.display.csv_export import file_stem
from hfbench_nb.protocol.measurement import Measurement, MemoryUse
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.results.metrics import METRICS

pytestmark = [pytest.mark.shows, pytest.mark.quick]


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


def test_files_of_functions_come_back(tmp_path):
    case, _ = function_row()
    other = dataclasses.replace(case, model="other")
    results = BenchmarkResults([(case, ok(0.125)), (other, failed())], {"a": 1}, {"speed": True, "memory": True})
    paths = results.to_csv(tmp_path)
    assert [path.name for path in paths] == ["function_time.csv", "function_memory.csv", "env_info.csv"]
    assert paths[0].read_text().splitlines() == [
        "model,batch_size,sequence_length,result",
        "my_function,,,0.125",
        "other,,,N/A",
    ]
    times, memories = (read_csv(path, task="function") for path in paths[:2])
    assert [c for c, _ in times.entries] == [dataclasses.replace(c, framework="") for c, _ in results.entries]
    assert times.frame["time_s"].tolist()[0] == 0.125
    assert memories.frame["memory_mb"].tolist()[0] == 500.0
    assert list(times.frame["status"]) == list(memories.frame["status"]) == ["ok", "error"]
    assert "FUNCTION - SPEED - RESULT" in str(times)
    assert headings(str(memories)) == ["FUNCTION - MEMORY - RESULT"]


def test_functions_and_models_have_files_of_their_own(tmp_path):
    both = traced_run() + measure_result()
    names = [path.name for path in both.to_csv(tmp_path)]
    assert names == [
        "inference_time.csv", "inference_memory.csv", "train_time.csv", "train_memory.csv", "function_time.csv",
        "function_memory.csv", "env_info.csv",
    ]  # fmt: skip
    assert "sorted" not in (tmp_path / "inference_time.csv").read_text()
    assert "bert" not in (tmp_path / "function_time.csv").read_text()
    assert read_csv(tmp_path / "train_time.csv", task="training").frame["time_s"].tolist() == [0.02]


def test_settings_that_vary_are_part_of_the_name_in_files(tmp_path):
    entries = [(with_settings(case_of(), dtype=dtype), ok()) for dtype in ("float32", "bfloat16")]
    path, *_ = results_of(*entries).to_csv(tmp_path)
    assert path.read_text().splitlines()[1:] == ["bert [float32],8,8,0.02", "bert [bfloat16],8,8,0.02"]
    assert list(read_csv(path).frame["model"]) == ["bert [float32]", "bert [bfloat16]"]


def test_whole_megabytes_of_an_old_reader_are_read(tmp_path):
    memory = Measurement("ok", memory=MemoryUse("VmHWM", (347 << 20) + (1 << 19)))
    path = BenchmarkResults([(case_of(), memory)], {}, {"memory": True, "speed": False}).to_csv(tmp_path)[0]
    assert path.name == "inference_memory.csv"
    assert path.read_text().splitlines()[1] == "bert,8,8,348"
    assert read_csv(path).frame["memory_mb"].tolist() == [348.0]


def test_every_task_and_headline_has_a_file_name_of_its_own():
    headlines = [metric for metric in METRICS if metric.is_headline]
    stems = [file_stem(task.name, metric) for task in TASKS for metric in headlines]
    assert len(set(stems)) == len(stems)
    assert {"inference_time", "inference_memory", "train_time", "train_memory"} < set(stems)
