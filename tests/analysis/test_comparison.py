from __future__ import annotations

import dataclasses
import math
import random
import statistics

import pytest
from support.measured import case_of, failed, function_row, ok, results_of, sweep

from hfbench_nb import ArgumentError, BenchmarkResults, load_reference
from hfbench_nb.analysis.ratios import ratio_interval
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.stats import median_interval
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]


def timed(time_s, noise=0.01, seed=0, n=9):
    rng = random.Random(seed)
    return dataclasses.replace(ok(), timing=Timing(tuple(time_s * (1 + rng.gauss(0, noise)) for _ in range(n))))


def test_ratios_are_this_over_other_with_their_intervals():
    before = results_of((case_of("fast"), timed(0.2)), (case_of("same"), timed(0.2)), (case_of("slow"), timed(0.2)))
    after = results_of(
        (case_of("fast"), timed(0.1, seed=1)),
        (case_of("same"), timed(0.2, seed=2)),
        (case_of("slow"), timed(0.3, seed=3)),
    )
    frame = after.compare(before).frame
    assert frame["time_ratio"].tolist() == pytest.approx([0.5, 1.0, 1.5], rel=0.02)
    assert frame["time_differs"].tolist() == [True, False, True]
    assert (frame["time_ratio_ci_low"] < frame["time_ratio"]).all()
    assert (frame["time_ratio_ci_high"] > frame["time_ratio"]).all()
    assert frame["memory_ratio"].tolist() == [1.0] * 3
    turned = before.compare(after).frame
    assert turned["time_ratio_ci_low"].tolist() == pytest.approx((1 / frame["time_ratio_ci_high"]).tolist())


@pytest.mark.parametrize("n", [5, 8, 20])
def test_the_interval_covers_the_true_ratio_as_often_as_it_says(n):
    rng = random.Random(n)
    hits = 0
    for _ in range(400):
        this, other = ([scale * math.exp(rng.gauss(0, 0.1)) for _ in range(n)] for scale in (3.0, 2.0))
        low, high = ratio_interval(*((statistics.median(s), *median_interval(s)) for s in (this, other)))
        hits += low <= 1.5 <= high
    assert 0.93 <= hits / 400 <= 0.999


def test_an_interval_that_reaches_below_zero_bounds_nothing():
    assert ratio_interval((1.0, -1.0, 3.0), (1.0, 0.9, 1.1))[0] == 0
    assert ratio_interval((1.0, 0.9, 1.1), (1.0, -1.0, 3.0))[1] == math.inf
    assert all(map(math.isnan, ratio_interval((1.0, math.nan, math.nan), (1.0, 0.9, 1.1))))


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


def test_shown_as_escaped_html_and_as_text_with_the_direction_in_the_heading():
    before, after = (results_of((case_of("<script>"), timed(t))) for t in (0.2, 0.1))
    comparison = after.compare(before, names=("after", "before"))
    html = comparison._repr_html_()
    assert "<script>" not in html
    assert "after / before" in html
    assert "below 1, after is faster" in html
    assert html == comparison._repr_html_()
    heading, line = str(comparison).splitlines()
    assert heading == "after / before (below 1: after is faster, or needs less memory)"
    assert line.startswith("<script>, inference, batch size 8, sequence length 8: time ")
    assert "= 0.500 [" in line
    assert line.endswith("faster; memory 500 MB / 500 MB = 1.00 [0.995, 1.00] cannot be told")


def test_names_do_no_harm_to_a_terminal():
    results = results_of(*((case_of("a\x1b[2Jb", sequence_length=n), timed(0.1)) for n in (8, 16, 32)))
    for text in (str(results.compare(results)), str(results.scaling()), results.plot().lines[0].get_label()):
        assert "\x1b" not in text
        assert r"a\x1b[2Jb" in text


def test_the_plot_has_a_line_a_model_and_one_where_nothing_differs():
    comparison = sweep(["bert", "gpt2"]).compare(sweep(["bert", "gpt2"]), names=("a", "b"))
    ax = comparison.plot()
    assert ax.get_ylabel() == "Time, a / b"
    *lines, reference = ax.lines
    assert [line.get_ydata().tolist() for line in lines] == [[1.0] * 4] * 2
    assert list(reference.get_ydata()) == [1.0, 1.0]
    assert "1" in [tick.get_text() for tick in ax.get_yticklabels()]
    assert comparison.plot("memory_mb").get_ylabel() == "Peak memory, a / b"
    with pytest.raises(ArgumentError, match="values='speed' cannot be used"):
        comparison.plot("speed")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("lengths", [(8,), (8, 32, 128)])
def test_intervals_of_no_width_and_without_end_are_drawn(lengths):
    def of(*samples_s):
        return results_of(*((case_of(sequence_length=n), Measurement("ok", Timing(samples_s))) for n in lengths))

    # The logarithms of these round to a ratio that is not quite the one of the medians.
    for time_s in (0.09, 0.12):
        of(*[time_s] * 8).compare(of(*[0.07] * 8)).plot()
    for this, other in (((0.1, 0.3), (0.2, 0.2)), ((0.2, 0.2), (0.1, 0.3)), ((0.1, 0.3), (0.1, 0.3))):
        ax = of(*this).compare(of(*other)).plot()
        ax.figure.draw_without_rendering()
        assert all(ax.figure.bbox.contains(*text.get_window_extent().get_points()[0]) for text in ax.texts)


def test_at_one_length_bars_start_at_one():
    this = results_of(*((case_of(m), timed(t)) for m, t in (("a", 0.1), ("b", 0.4))))
    other = results_of(*((case_of(m), timed(0.2)) for m in "ab"))
    ax = this.compare(other).plot()
    fast, slow = ax.patches
    assert (fast.get_x() + fast.get_width(), slow.get_x() + slow.get_width()) == (pytest.approx(0.5), pytest.approx(2))
    assert (fast.get_x(), ax.get_xscale()) == (1, "log")
    assert [text.get_text() for text in ax.texts] == ["0.500", "2.00"]


def test_a_missing_time_of_one_side_has_no_ratio():
    frame = results_of((case_of(), Measurement("ok"))).compare(sweep(["bert"])).frame
    assert frame[["time_ratio", "memory_ratio"]].isna().all(axis=None)
