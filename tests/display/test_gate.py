"""The gate for regressions."""

from __future__ import annotations

import json

import pytest
from support.measured import case_of, failed
from support.rounds import environment, run_of

from hfbench_nb import ArgumentError, BenchmarkResults
from hfbench_nb.frontends import cli

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]


@pytest.fixture
def folders(tmp_path):
    """Save a baseline, and runs that are alike, 20 % slower on one length, and as before but noisy."""
    runs = {
        "base": run_of(),
        "alike": run_of(seed=3),
        "worse": run_of(times_s=(0.1, 0.24), seed=5),
        "noisy": run_of(noise=0.2, seed=11),
        "partly": BenchmarkResults(
            [run_of().entries[0], (case_of(sequence_length=16), failed())], environment(), {}
        ),
        "fewer": BenchmarkResults([run_of().entries[0]], environment(), {}),
    }  # fmt: skip
    for name, results in runs.items():
        results.save(tmp_path / name)
    return tmp_path


def test_only_what_the_interval_says_is_worse():
    worse = run_of(times_s=(0.1, 0.24), seed=5).compare(run_of()).worse(5)
    assert worse[["metric", "sequence_length"]].to_numpy().tolist() == [["time_s", 16]]
    assert 1.05 < worse["low"][0] < worse["ratio"][0] < worse["high"][0]
    assert run_of(seed=3).compare(run_of()).worse(5).empty
    noisy = run_of(noise=0.2, seed=11).compare(run_of())
    assert noisy.worse(5).empty
    assert noisy.worse(5, undecided=True)["metric"].tolist() == ["time_s", "time_s"]
    with pytest.raises(ArgumentError, match="percent='5' cannot be used"):
        noisy.worse("5")


@pytest.mark.parametrize(
    ("current", "options", "code", "says"),
    [
        ("alike", "--fail_above 5%", 0, "No case is worse by more than 5 %."),
        ("worse", "--fail-above 5%", 3, "worse by more than 5 %:\n- bert, inference, batch size 8, sequence length 16"),
        ("worse", "--fail_above 30", 0, "No case is worse by more than 30 %."),
        ("worse", "--fail_above 5% --metric memory_mb", 0, "No case is worse"),
        ("worse", "", 0, "current / baseline"),
        ("noisy", "--fail_above 5%", 0, "cannot be told whether worse by more than 5 %:\n- bert"),
        ("partly", "--fail_above 5%", 1, "missing in the current run:\n- bert, inference, batch size 8, sequence "
         "length 16: no time_s, memory_mb (oom)"),
        ("fewer", "--fail_above 5%", 1, "missing in the current run:\n- bert, inference"),
        ("fewer", "--fail_above 5% --allow_missing", 0, "No case is worse"),
        ("alike", "--fail_above much", 2, "fail_above='much' cannot be used"),
        ("alike", "--metric speed", 2, "metric=['speed'] cannot be used"),
    ],
)  # fmt: skip
def test_the_shell_fails_only_where_a_case_is_worse(folders, capsys, current, options, code, says):
    assert cli.main(["compare", str(folders / "base"), str(folders / current), *options.split()]) == code
    assert says in "".join(capsys.readouterr())


def test_the_forms_of_the_output(folders, capsys):
    def write(form):
        words = ["--fail_above", "5%", "--metric", "time_s,memory_mb", "--format", form]
        assert cli.main(["compare", str(folders / "base"), str(folders / "worse"), *words]) == 3
        return capsys.readouterr().out

    data = json.loads(write("json"))
    assert [(each["sequence_length"], each["metric"], each["verdict"]) for each in data["cases"]] == [
        (8, "time_s", "not worse"), (8, "memory_mb", "not worse"),
        (16, "time_s", "worse"), (16, "memory_mb", "not worse"),
    ]  # fmt: skip
    assert data["fail_above"] == 0.05
    entries = json.loads(write("github-action-benchmark"))
    assert entries[0]["name"] == "bert, inference, batch size 8, sequence length 8: Time"
    assert {"unit": "s", "value": pytest.approx(0.1, rel=0.05)}.items() <= entries[0].items()
    assert entries[0]["range"].startswith("± ")
    markdown = write("markdown")
    assert markdown.startswith("**1 of 4 worse by more than 5 %**")
    assert "| `bert` | inference | 8 | 16 |" in markdown
