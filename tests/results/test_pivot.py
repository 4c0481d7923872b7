"""The pivoted DataFrame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.measured import case_of, ok
from support.pages import Tags
from support.tables import function, results_of_two_models

from hfbench_nb import ArgumentError, BenchmarkResults
from hfbench_nb.results import pivot

pytestmark = [pytest.mark.shows, pytest.mark.quick]


@pytest.fixture
def results():
    return results_of_two_models()


def test_table_is_a_plain_frame_by_model_batch_size_and_length(results):
    table = results.table()
    assert type(table) is pd.DataFrame
    assert (table.index.names, table.columns.name) == (["model", "batch_size"], "sequence_length")
    assert table.columns.tolist() == [8, 512]
    assert table.loc[("bert", 8), 512] == 1.2345
    assert np.isnan(table.loc[("slow", 8), 512])
    assert results.table("status", index="model").loc["slow"].tolist() == ["ok", "oom"]
    assert results.table("memory_mb", "sequence_length", "model").loc[512, "bert"] == 914.0


def test_table_keeps_the_order_of_models_and_sorts_sizes():
    entries = [(case_of(m, batch_size=b, sequence_length=n), ok()) for m in "zay" for b in (8, 1) for n in (32, 128, 8)]
    table = BenchmarkResults(entries, {}, {}).table()
    assert table.index.tolist() == [(m, b) for m in "zay" for b in (1, 8)]
    assert table.columns.tolist() == [8, 32, 128]
    wide = BenchmarkResults(entries, {}, {}).table(["time_s", "memory_mb"], "batch_size", ["model", "sequence_length"])
    assert wide.columns.get_level_values(0).unique().tolist() == ["time_s", "memory_mb"]
    assert wide["memory_mb"]["z"].columns.tolist() == [8, 32, 128]


def test_table_names_the_task_where_there_are_several_and_labels_where_runs_were_added(results):
    both = BenchmarkResults([(case_of(), ok()), (case_of(task="training"), ok(0.06))], {}, {})
    assert both.table().index.tolist() == [("bert", "inference", 8), ("bert", "training", 8)]
    added = results + results
    assert added.table().index.names == ["label", "batch_size"]
    assert added.table().index.tolist()[:2] == [("bert", 8), ("slow", 8)]
    assert len(added.table()) == 4


def test_table_of_functions_alone_and_beside_models(results):
    functions = BenchmarkResults([function("sort", 2.5e-5), function("hash", 1e-6)], {}, {})
    assert functions.table()["function"].to_dict() == {"sort": 2.5e-5, "hash": 1e-6}
    both = (results + functions).table()
    assert both.columns.tolist()[:2] == [8, 512]
    assert both.xs("sort (Python)").to_numpy()[0, -1] == 2.5e-5


def test_table_of_nothing_is_empty():
    assert BenchmarkResults([], {}, {}).table().empty


def test_style_is_pandas_own(results):
    styler = results.table().style.format("{:.4f}", na_rep="-").highlight_min(axis=0)
    assert isinstance(styler, pd.io.formats.style.Styler)
    assert {"1.2345", "-", "bert"} <= set(Tags(styler.to_html()).texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": "time"}, "values='time' cannot be used: values must be one of the columns 'framework', 'model'"),
        ({"index": []}, r"index=\[\] cannot be used: index must be one of the columns"),
        ({"columns": ["model", "size"]}, r"columns=\['model', 'size'\] cannot be used"),
        ({"columns": 3}, "columns=3 cannot be used"),
        ({"values": [["time_s"]]}, "values="),
        ({"index": "sequence_length"}, "sequence_length cannot be used more than once in values, index and columns"),
        (
            {"index": "batch_size"},
            r"index=\['batch_size'\], columns=\['sequence_length'\] cannot be used: they put 2 cases in one place "
            r"\(batch_size 8, sequence_length 8\). Add 'label' to one of them",
        ),
    ],
)
def test_table_refuses_what_it_cannot_show(results, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        results.table(**arguments)


def test_cases_that_differ_in_nothing_are_not_told_apart_by_advice():
    same = pd.DataFrame({"label": "bert", "model": "bert", "batch_size": [8, 8], "device": "cpu", "status": "ok"})
    with pytest.raises(ArgumentError, match="2 cases in one place .*They differ in no setting: read them from the"):
        pivot.check_places(same, ["model"], ["batch_size"])
