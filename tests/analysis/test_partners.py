"""Cases beside their partners in the same run."""

from __future__ import annotations

import dataclasses

import pytest
from support.measured import case_of, failed, ok, results_of
from support.rounds import in_rounds

from hfbench_nb import ArgumentError, load_reference
from hfbench_nb.analysis.partners import pair_with_partners
from hfbench_nb.protocol.case import Settings

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]


def with_dtype(dtype, **more):
    return dataclasses.replace(case_of(**more), settings=Settings(dtype=dtype))


def test_settings_are_compared_with_the_same_model_in_another_setting():
    names = ("float32", "bfloat16")
    pairs = list(zip(names, (2, 1), strict=True))
    results = results_of(
        *((with_dtype(dtype, sequence_length=n), in_rounds(t * n)) for n in (8, 16) for dtype, t in pairs)
    )
    for to in ({"dtype": "float32"}, "bert [float32]"):
        frame = results.relative(to).frame
        assert frame["model"].tolist() == ["bert [bfloat16]"] * 2
        assert frame["sequence_length"].tolist() == [8, 16]
        assert frame["time_ratio"].tolist() == pytest.approx([0.5, 0.5], rel=0.03)


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("gone", "to='gone' cannot be used: to must be one of 'bert \\[a\\]', 'bert \\[b\\]', {'dtype': 'a'}"),
        ({"dtype": "c"}, r"to={'dtype': 'c'} cannot be used: dtype must be 'a' or 'b', as in these results\.$"),
        (
            {"dtpe": "a"},
            r"to={'dtpe': 'a'} cannot be used: no case has a setting 'dtpe'; there are .*\. Did you mean dt",
        ),
        ({"dtype": "a", "x": 1}, r"no case has a setting 'x'; there are "),
        ("brt [a]", r"to must be one of .*\. Did you mean bert \[a\]"),
        ({}, "the name of a model, or settings"),
        (7, "the name of a model, or settings"),
        ("bert", "no case differs from it in that alone"),
    ],
)
def test_what_has_no_partner_is_refused(to, why):
    results = results_of((with_dtype("a"), in_rounds(1)), (with_dtype("b"), in_rounds(2)))
    with pytest.raises(ArgumentError, match=why):
        results.relative(to)


def test_one_round_says_what_its_interval_does_not_cover():
    relative = results_of((case_of("a"), ok(0.1)), (case_of("b"), ok(0.2))).relative("a")
    assert relative.notes == ("cases with one round: the intervals do not cover what differs between processes",)
    assert relative.notes[0] in str(relative)
    assert relative.notes[0] in relative._repr_html_()


def test_of_a_case_that_failed_no_interval_is_spoken_of():
    failing = [(case_of(name, sequence_length=16), failed("error")) for name in ("a", "b")]
    relative = results_of((case_of("a"), in_rounds(0.1)), (case_of("b"), in_rounds(0.2)), *failing).relative("a")
    assert relative.notes == ()
    assert "time error / error" in str(relative)


def settings_of(pairs):
    return [(dict(pair.this.case.settings), dict(pair.other.case.settings)) for pair in pairs]


def with_axes(*settings):
    return results_of(*((dataclasses.replace(case_of(), settings=Settings(each)), ok()) for each in settings))


def test_a_partner_differs_in_what_is_named_alone():
    results = with_axes({"dtype": "a", "threads": 1}, {"dtype": "b", "threads": 1}, {"dtype": "b", "threads": 2})
    pairs, alone = pair_with_partners(results, {"dtype": "a"})
    assert settings_of(pairs) == [({"dtype": "b", "threads": 1}, {"dtype": "a", "threads": 1})]
    assert [dict(row.case.settings) for row in alone] == [{"dtype": "b", "threads": 2}]
    assert all(pair.is_of_one_run for pair in pairs)


def test_true_is_not_one():
    results = with_axes({"compiled": True}, {"compiled": False})
    assert len(pair_with_partners(results, {"compiled": True})[0]) == 1
    with pytest.raises(ArgumentError, match="to={'compiled': 1} cannot be used: compiled must be True or False"):
        pair_with_partners(results, {"compiled": 1})


def test_a_case_with_several_partners_is_refused_by_the_name_of_the_argument():
    results = with_axes({"dtype": "a"}) + with_axes({"dtype": "a"}) + with_axes({"dtype": "b"})
    with pytest.raises(
        ArgumentError, match=r"baseline={'dtype': 'a'} cannot be used: .* has several partners \(.*, .*\)"
    ):
        pair_with_partners(results, {"dtype": "a"}, "baseline")


def test_where_there_is_no_case_nothing_can_be_named():
    with pytest.raises(
        ArgumentError, match="to='a' cannot be used: to must be one of the cases, of which there are none"
    ):
        pair_with_partners(results_of(), "a")


def test_where_no_case_has_settings_that_is_said():
    refused = r"^to={'dtype': 'a'} cannot be used: no case has a setting 'dtype'; there are none\.$"
    with pytest.raises(ArgumentError, match=refused):
        load_reference("bert-configurations-pytorch").relative(to={"dtype": "a"})
