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
        ("t5", "t5-base"),
        ("berrt", "bert-base-uncased"),
        ("gpt", "gpt2"),
        ("robrta-base", "roberta-base"),
        ("gpt3", "gpt2"),
        ("smollm", "SmolLM2-135M"),
    ],
)
def test_what_anyone_would_mean_is_among_the_first(name, meant):
    found = closest(name, all_names())
    assert meant in [each.rpartition("/")[2] for each in found]
    assert len(found) <= 5


def test_beginnings_stand_before_parts_and_what_is_alike_is_for_want_of_both():
    assert closest("base", ["bas-x", "my-base", "base-x"]) == ["base-x", "my-base"]
    assert closest("bass", ["bas-x", "my-base", "other"]) == ["bas-x", "my-base"]
    assert closest("seq_len", ["seed", "sequence_lengths"]) == ["sequence_lengths"]
    assert closest("xyzzy", ["base"]) == closest("", ["base"]) == []


def test_a_name_with_and_without_its_owner_is_one():
    assert closest("bert", ["google-bert/bert-base", "bert-base"]) == ["bert-base"]


def test_the_question():
    assert did_you_mean("ab", ["abc", "abd", "xab"]) == " Did you mean abc, abd or xab?"
    assert did_you_mean("xyzzy", ["abc"]) == ""
