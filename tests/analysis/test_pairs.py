"""The cases that two runs have in common."""

from __future__ import annotations

import dataclasses
import math

import pytest
from support.measured import case_of, failed, function_row, ok, results_of, sweep, timed

from hfbench_nb import ArgumentError, BenchmarkResults, load_reference
from hfbench_nb.analysis.pairs import match_cases
from hfbench_nb.protocol.case import Settings

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]


def test_a_published_run_has_ratios_without_intervals_and_its_name_may_lack_the_organisation():
    published = load_reference("bert-base-uncased-pytorch")
    lengths = [8, 512, 1024]
    here = results_of(*((case_of("google-bert/BERT-base-uncased", sequence_length=n), timed(0.044)) for n in lengths))
    comparison = here.compare(published, names=("here", "published"))
    frame = comparison.frame
    assert frame["other_model"].tolist() == ["bert-base-uncased"] * 2
    assert frame["time_ratio"][1] == pytest.approx(0.5, rel=0.02)  # 0.088 s were published
    assert frame["time_ratio_ci_low"].isna().all()
    assert frame["time_differs"].isna().all()
    alone = comparison.unmatched
    assert alone["side"].tolist() == ["here", "published", "published"]
    assert alone["sequence_length"].tolist() == [1024, 32, 128]
    assert "only in here: google-bert/BERT-base-uncased, inference, batch size 8, sequence length 1024" in (
        comparison._repr_html_()
    )
    assert "Only in published: bert-base-uncased" in str(comparison)


def test_names_that_differ_are_matched_by_hand():
    mine, theirs = sweep(["mine"]), load_reference("bert-configurations-pytorch")
    assert len(mine.compare(theirs, models={"mine": "bert-6-lay"}).pairs) == 4
    with pytest.raises(ArgumentError, match="models=.* cannot be used: models must be of mine to bert-384-hid"):
        mine.compare(theirs, models={"mine": "bert-7-lay"})


def test_frameworks_may_differ_and_one_is_chosen_where_the_other_run_has_both():
    torch, tensorflow = sweep(["bert"]), sweep(["bert"], framework="TensorFlow")
    frame = torch.compare(tensorflow).frame
    assert (frame["framework"][0], frame["other_framework"][0], len(frame)) == ("PyTorch", "TensorFlow", 4)
    frame = torch.compare(torch + tensorflow).frame
    assert frame["other_framework"].tolist() == ["PyTorch"] * 4
    assert len((torch + tensorflow).compare(torch).frame) == 8
    with pytest.raises(ArgumentError, match="other has the case bert, .* 2 times"):
        torch.compare(torch + torch)


def test_nothing_in_common_is_an_error_that_says_what_there_is():
    with pytest.raises(ArgumentError, match="no case in common: bert .*sequence lengths 8.* here, gpt2"):
        sweep(["bert"]).compare(sweep(["gpt2"]))
    with pytest.raises(ArgumentError, match="nothing there"):
        sweep(["bert"]).compare(BenchmarkResults([], {}, {}))
    with pytest.raises(ArgumentError, match="other='file.csv' cannot be used: other must be results"):
        sweep().compare("file.csv")
    with pytest.raises(ArgumentError, match="names='after' cannot be used"):
        sweep().compare(sweep(), names="after")


def test_failed_cases_and_functions_are_compared_as_far_as_they_go():
    one = results_of((case_of(), failed()), function_row())
    other = results_of((case_of(), timed(0.1)), function_row())
    comparison = one.compare(other)
    frame = comparison.frame
    assert frame["status"].tolist() == ["oom", "ok"]
    assert math.isnan(frame["time_ratio"][0])
    assert frame["time_ratio"][1] == 1
    assert "oom" in comparison._repr_html_()
    ax = comparison.plot()
    assert [text.get_text() for text in ax.texts] == ["oom"]


def with_settings_of(*settings, model="bert", framework="PyTorch"):
    case = dataclasses.replace(case_of(model), framework=framework)
    return results_of(*((dataclasses.replace(case, settings=Settings(each)), ok()) for each in settings))


def dtypes(pairs):
    return [(pair.this.case.settings["dtype"], pair.other.case.settings["dtype"]) for pair in pairs]


def test_an_axis_with_one_value_in_each_is_what_is_compared():
    one, other = with_settings_of({"dtype": "float32"}), with_settings_of({"dtype": "bfloat16"})
    pairs, alone, others_alone = match_cases(one, other, {})
    assert (dtypes(pairs), alone, others_alone) == ([("float32", "bfloat16")], [], [])


def test_an_axis_that_varies_must_agree():
    both = with_settings_of({"dtype": "float32"}, {"dtype": "bfloat16"})
    pairs, alone, others_alone = match_cases(both, with_settings_of({"dtype": "bfloat16"}), {})
    assert dtypes(pairs) == [("bfloat16", "bfloat16")]
    assert [row.case.settings["dtype"] for row in alone] == ["float32"]
    assert others_alone == []
    assert len(match_cases(both, both, {})[0]) == 2


def test_a_setting_that_one_side_does_not_know_hinders_nothing():
    both = with_settings_of({"dtype": "float32"}, {"dtype": "bfloat16"})
    pairs, *_ = match_cases(both, with_settings_of({}), {})
    assert len(pairs) == 2


def test_a_case_that_the_other_has_several_times_is_refused():
    one = with_settings_of({})
    twice = with_settings_of({}) + with_settings_of({})
    with pytest.raises(ArgumentError, match=r"other has the case bert, .* 2 times \(bert, .*\): compare with one run"):
        match_cases(one, twice, {})


def test_of_two_models_whose_names_are_alike_none_is_taken_for_the_other():
    here, there = with_settings_of({}, model="bert"), with_settings_of({}, model="a/BERT")
    assert len(match_cases(here, there, {})[0]) == 1
    with pytest.raises(
        ArgumentError, match=r"no case in common: bert \(inference; batch sizes 8; sequence lengths 8\) here"
    ):
        match_cases(here, there + with_settings_of({}, model="b/bert"), {})
