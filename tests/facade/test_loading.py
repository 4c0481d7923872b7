"""CSV files are read as what their names say."""

import dataclasses

import pytest

from hfbench_nb import ArgumentError, BenchmarkResults, PyTorchBenchmarkArguments, read_csv
from hfbench_nb.arguments.fields import csv_file
from hfbench_nb.display.csv_export import content_of, file_stem
from hfbench_nb.frontends import cli
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.metrics import METRICS, headlines

pytestmark = pytest.mark.quick


def results_of(task, time_s=0.25):
    case = Case("PyTorch", "gpt2", task, *((2, 8) if TASKS[task].has_sizes else (None, None)))
    values = {metric.name: 3.5 for metric in headlines() if metric.is_of(task) and metric.name != "memory_mb"}
    measured = Measurement("ok", timing=Timing((time_s,)), metrics=values | {"time_s": time_s})
    return BenchmarkResults([(case, measured)], {}, {"speed": True, "memory": False})


@pytest.mark.parametrize("task", TASKS.names)
def test_each_file_is_read_with_its_task_metric_and_unit(tmp_path, task):
    results = results_of(task)
    paths = [path for path in results.to_csv(tmp_path) if path.name != "env_info.csv"]
    assert len(paths) == len(results.headlines(task))
    for path in paths:
        read_task, metric = content_of(path)
        again = read_csv(path)
        assert again.tasks == [read_task] == [task]
        assert again.is_measured(metric)
        ((case, measurement),) = again.entries
        assert metric.of(case, measurement) == metric.of(*results.entries[0])
        assert len(again.frame) == 1
        assert again.report()
        assert again._repr_html_()


def test_a_time_without_a_fraction_is_no_memory(tmp_path):
    path, *_ = results_of("inference", time_s=2.0).to_csv(tmp_path)
    renamed = path.rename(tmp_path / "mine.csv")
    assert read_csv(renamed).frame["time_s"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train_time_1595.csv", ("training", "time_s")),
        ("generation_kv_cache (1).csv", ("generation", "kv_cache_mb")),
        ("inference_timely.csv", None),
        ("inference_ttft.csv", None),  # no metric of that task
        ("env_info.csv", None),
    ],
)
def test_names_that_say_a_metric(tmp_path, name, content):
    found = content_of(tmp_path / name)
    assert content == (found and (found[0], found[1].name))


def test_every_name_is_of_one_task_and_metric(tmp_path):
    for task in TASKS:
        for metric in filter(lambda each, task=task: each.is_of(task.name), headlines()):
            assert content_of(tmp_path / f"{file_stem(task.name, metric)}.csv") == (task.name, metric)


def test_what_is_given_comes_before_the_name(tmp_path):
    path, *_ = results_of("training").to_csv(tmp_path)
    assert read_csv(path, task="inference").tasks == ["inference"]
    assert read_csv(path, values="memory_mb").frame["memory_mb"].tolist() == [0.25]
    with pytest.raises(ArgumentError, match=r"values='ttft_s' cannot be used: values must be 'time_s' or 'memory_mb'"):
        read_csv(path, values="ttft_s")
    assert METRICS["ttft_s"].of(*read_csv(path, values="ttft_s", task="generation").entries[0]) == 0.25


def test_the_shell_plots_what_the_name_says(tmp_path, capsys):
    path = next(path for path in results_of("generation").to_csv(tmp_path) if path.name == "generation_ttft.csv")
    assert cli.main(["plot", "--csv_file", str(path), "--figure_png_file", str(tmp_path / "plot.svg")]) == 0
    assert "Time to first token of generation" in (tmp_path / "plot.svg").read_text()
    capsys.readouterr()


def test_a_field_of_any_name_can_hold_the_path_of_a_csv_file():
    files = PyTorchBenchmarkArguments.csv_file_fields()
    assert files["train_time_csv_file"] == "train_time"
    made = dataclasses.make_dataclass("Made", [("path", str, csv_file("train_tpot", "something"))], kw_only=True)
    (found,) = dataclasses.fields(made)
    assert found.metadata["csv_file"] == "train_tpot"


def test_is_measured_tells_tasks_apart():
    results = results_of("generation") + results_of("inference")
    assert results.is_measured(METRICS["ttft_s"])
    assert not results.is_measured(METRICS["ttft_s"], "inference")
    assert not results.is_measured(METRICS["memory_mb"])
