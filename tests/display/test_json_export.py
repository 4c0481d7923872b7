"""Results as JSON that others read."""

from __future__ import annotations

import json

import pytest
from support.measured import case_of, failed, ok, sweep

from hfbench_nb import ArgumentError, BenchmarkResults


def test_rows_as_json():
    results = BenchmarkResults(
        [(case_of(), ok(0.02)), (case_of(sequence_length=32), failed())], {"cpu_model": "Some"}, {}
    )
    first, second = json.loads(results.to_json())
    assert (first["label"], first["time_s"], first["environment"]) == ("bert", 0.02, {"cpu_model": "Some"})
    assert (second["status"], second["time_s"]) == ("oom", None)


def test_json_for_github_action_benchmark_and_for_pytorchs_database():
    results = sweep(models=["bert"], lengths=[8])
    entries = json.loads(results.to_json("github-action-benchmark", values="time_s"))
    assert [set(entry) >= {"name", "unit", "value"} for entry in entries] == [True]
    with pytest.raises(ArgumentError, match="better when lower"):
        results.to_json("github-action-benchmark", values=["time_s", "tokens_per_s"])
    records = json.loads(results.to_json("pytorch"))
    assert [record["metric"]["name"] for record in records] == ["time_s", "memory_mb"]
    assert records[0]["metric"]["benchmark_values"] == [results.frame["time_s"][0]]
    assert (records[0]["model"]["name"], records[0]["benchmark"]["mode"]) == ("bert", "inference")


@pytest.mark.parametrize(
    ("given", "told"), [({"format": "xml"}, "format='xml'"), ({"values": "speed"}, "values='speed'")]
)
def test_bad_arguments_of_json(given, told):
    with pytest.raises(ArgumentError, match=told):
        sweep().to_json(**given)
