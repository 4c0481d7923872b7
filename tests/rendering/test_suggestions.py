from __future__ import annotations

import pytest

from hfbench_nb.configurations.catalog import all_names
from hfbench_nb.rendering.suggestions import closest, did_you_mean

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("bert", "bert-base-uncased"),
        ("BERT-base", "bert-base-uncased"),
        ("distilbert", "distilbert-base-uncased"),
        ("t5", "t5-small"),
        ("berrt", "bert-base-uncased"),
        ("gpt", "gpt2"),
        ("robrta-base", "roberta-base"),
        ("smollm", "HuggingFaceTB/SmolLM2-135M"),
    ],
)
def test_what_anyone_would_mean_is_among_the_first(name, meant):
    assert meant in [found.rpartition("/")[2] for found in closest(name, all_names())] + closest(name, all_names())


def test_beginnings_stand_before_parts_and_these_before_what_is_alike():
    assert closest("base", ["bas-x", "my-base", "base-x"]) == ["base-x", "my-base", "bas-x"]
    assert closest("xyzzy", ["base"]) == closest("", ["base"]) == []


def test_the_question():
    assert did_you_mean("ab", ["abc", "abd", "xab"]) == " Did you mean abc, abd or xab?"
    assert did_you_mean("xyzzy", ["abc"]) == ""
