"""The published runs that are part of the package."""

from __future__ import annotations

import subprocess
import sys

import pytest
from matplotlib import pyplot as plt
from support.measured import MIB, case_of, ok
from support.reports import NAMES

import hfbench_nb
from hfbench_nb import ArgumentError, BenchmarkResults, load_reference, load_results, references

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def by_length(results, model, metric):
    nested = results.nested("inference", metric)[model]["result"][8]
    return {n: value if metric == "speed" or value == "N/A" else value.bytes // MIB for n, value in nested.items()}


def test_the_published_runs_are_listed():
    listed = references()
    assert list(listed.columns) == [
        "name", "title", "framework", "framework_version", "gpu", "models", "source", "notes",
    ]  # fmt: skip
    assert list(listed["name"]) == NAMES
    assert list(listed["framework"]) == ["PyTorch", "TensorFlow"] * 2
    assert list(listed["framework_version"]) == ["1.4.0", "2.2.0"] * 2
    assert set(listed["gpu"]) == {"TITAN RTX"}
    assert list(listed["models"]) == 2 * [("bert-base-uncased",)] + 2 * [("bert-base", "bert-384-hid", "bert-6-lay")]
    assert all(source.startswith("https://github.com/huggingface/transformers/") for source in listed["source"])
    assert "128, 512, 128, 512" in " ".join(listed["notes"][2])
    assert "0.0011" in " ".join(listed["notes"][3])


# Of the published page, as it was on 2020-06-29: times in s, memory in MB, at lengths 8, 32, 128, 512.
@pytest.mark.parametrize(
    ("name", "model", "times_s", "memory_mb"),
    [
        (NAMES[0], "bert-base-uncased", [0.006, 0.006, 0.018, 0.088], [1227, 1281, 1307, 1539]),
        (NAMES[1], "bert-base-uncased", [0.005, 0.008, 0.022, 0.105], [1330, 1330, 1330, 1770]),
        (NAMES[2], "bert-base", [0.006, 0.006, 0.018, 0.088], [1277, 1281, 1307, 1539]),
        (NAMES[2], "bert-384-hid", [0.006, 0.006, 0.011, 0.054], [1005, 1027, 1035, 1255]),
        (NAMES[2], "bert-6-lay", [0.003, 0.004, 0.009, 0.044], [1097, 1101, 1127, 1359]),
        (NAMES[3], "bert-base", [0.005, 0.008, 0.022, 0.106], [1330, 1330, 1330, 1770]),
        (NAMES[3], "bert-384-hid", [0.005, 0.007, 0.018, 0.064], [1330, 1330, 1330, 1540]),
        (NAMES[3], "bert-6-lay", [0.002, 0.003, "N/A", 0.074], [1330, 1330, 1330, 1540]),
    ],
)
def test_the_metrics_are_the_published_ones(name, model, times_s, memory_mb):
    results = load_reference(name)
    lengths = [8, 32, 128, 512]
    assert by_length(results, model, "speed") == dict(zip(lengths, times_s, strict=True))
    assert by_length(results, model, "memory") == dict(zip(lengths, memory_mb, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_published_run_has_framework_method_and_environment(name):
    results = load_reference(name)
    framework = "TensorFlow" if "tensorflow" in name else "PyTorch"
    assert set(results.frame["framework"]) == {framework}
    assert set(results.frame["memory_method"]) == {"published: NVML used memory of the device"}
    assert set(results.frame["status"]) == {"ok"}
    assert list(results.environment)[:5] == [
        "transformers_version",
        "framework",
        "use_torchscript" if framework == "PyTorch" else "use_xla",
        "framework_version",
        "python_version",
    ]
    assert list(results.environment.values())[-5:] == ["TITAN RTX", 24217, 280.0, 2, False]
    assert len(results.environment) == 21
    assert "- gpu: TITAN RTX" in str(results)


def test_a_misprinted_time_is_kept_out_and_said():
    results = load_reference("bert-configurations-tensorflow")
    row = results.frame.query("model == 'bert-6-lay' and sequence_length == 128").iloc[0]
    assert (row["status"], row["memory_mb"]) == ("ok", 1330.0)
    assert row["error"] == "MissingResult: published as 0.0011 s"
    assert results.frame["time_s"].isna().sum() == 1
    assert "length 128: ok: MissingResult: published as 0.0011 s" in str(results)
    assert str(results).count("published as 0.0011 s") == 1  # below the table of times alone
    assert 'title="MissingResult: published as 0.0011 s"' in results._repr_html_()


def test_an_unknown_name_is_refused_with_close_ones():
    with pytest.raises(ArgumentError, match="name='bert-base-pytorch' cannot be used.* Did you mean bert-base-uncased"):
        load_reference("bert-base-pytorch")
    with pytest.raises(ArgumentError, match="name=3 cannot be used: name must be one of bert-base-uncased-pytorch, "):
        load_reference(3)


def test_one_caller_cannot_change_anothers_reference():
    load_reference(NAMES[0]).environment["gpu"] = "mine"
    assert load_reference(NAMES[0]).environment["gpu"] == "TITAN RTX"


def test_the_function_is_not_hidden_by_its_module():
    code = "import hfbench_nb; hfbench_nb.load_reference; print(len(hfbench_nb.references()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "4"
    assert callable(hfbench_nb.references)


def test_a_machine_is_plotted_against_the_published_one(tmp_path):
    mine = BenchmarkResults([(case_of("bert-base", sequence_length=n), ok(n / 1000)) for n in (8, 32, 128)], {}, {})
    published = load_reference("bert-configurations-tensorflow")
    both = BenchmarkResults([*mine.entries, *published.entries], {}, {})
    for values in ("time_s", "memory_mb"):
        ax = both.plot(values)
        ax.figure.canvas.draw()
        assert {line.get_label() for line in ax.lines} == {
            "bert-base (PyTorch)", "bert-base (TensorFlow)", "bert-384-hid (TensorFlow)", "bert-6-lay (TensorFlow)",
        }  # fmt: skip
    plt.close("all")
    both.save(tmp_path)
    assert load_results(tmp_path).entries == both.entries


def test_adding_a_published_run_tells_the_rows_apart_by_their_versions():
    environment = {"framework_version": "2.13.0", "transformers_version": "5.23.0"}
    mine = BenchmarkResults([(case_of("bert-base"), ok(0.1))], environment, {})
    labels = (mine + load_reference("bert-configurations-pytorch")).labels
    assert labels[:2] == [
        "bert-base (PyTorch 2.13.0, Transformers 5.23.0)",
        "bert-base (PyTorch 1.4.0, Transformers 2.11.0)",
    ]
