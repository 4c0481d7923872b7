"""Some rows of results, chosen by model or by settings."""

from __future__ import annotations

import dataclasses

import pytest
from support.measured import case_of, ok, results_of, sweep

from hfbench_nb import ArgumentError, BenchmarkResults
from hfbench_nb.protocol.case import Settings
from hfbench_nb.results.selection import select

pytestmark = [pytest.mark.shows, pytest.mark.quick]


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


def with_axes():
    cases = [
        dataclasses.replace(case_of(sequence_length=length), settings=Settings(dtype=dtype, threads=threads))
        for dtype, threads in (("float32", 1), ("bfloat16", 1), ("bfloat16", None))
        for length in (8, 32)
    ]
    return results_of(*((case, ok()) for case in cases))


@pytest.mark.parametrize(
    ("key", "places"),
    [
        ({"dtype": "bfloat16"}, [2, 3, 4, 5]),
        ({"dtype": "bfloat16", "threads": None}, [4, 5]),
        ({"threads": [1, None], "sequence_length": (8,)}, [0, 2, 4]),
        ({"dtype": {"float32", "float64"}}, [0, 1]),  # what no row has selects none
        ("bert [float32, 1 thread]", [0, 1]),
        ("bert", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_axes_and_labels_select_the_places_of_rows(key, places):
    assert select(with_axes(), key) == places


def test_each_of_two_conditions_may_be_met_and_no_row_meet_both():
    with pytest.raises(ArgumentError, match="threads is one of 1, None in these rows"):
        select(with_axes(), {"dtype": "float32", "threads": None})


def test_of_nothing_nothing_is_selected():
    with pytest.raises(ArgumentError, match="key='bert' cannot be used"):
        select(results_of(), "bert")
