"""One number for all cases."""

from __future__ import annotations

import math

import pytest
from support.measured import case_of, ok, results_of
from support.pages import Tags
from support.rounds import run_of

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]


def test_the_geometric_mean_of_two_runs_has_an_interval_over_rounds():
    comparison = run_of(times_s=(0.12, 0.24, 0.48), seed=5).compare(run_of(times_s=(0.1, 0.2, 0.4)))
    time, memory = comparison.overall.to_dict("records")
    ratios = comparison.frame["time_ratio"]
    assert (time["metric"], time["cases"], time["differs"]) == ("time_s", 3, True)
    assert time["ratio"] == pytest.approx(ratios.prod() ** (1 / 3))
    assert time["ratio_ci_low"] < 1.2 < time["ratio_ci_high"]
    assert (memory["ratio"], memory["differs"]) == (1.0, False)
    # The processes of the cases differ independently: of three, the mean is known better than each.
    widths = comparison.frame["time_ratio_ci_high"] / comparison.frame["time_ratio_ci_low"]
    assert 1 < time["ratio_ci_high"] / time["ratio_ci_low"] < widths.min()
    for text in (str(comparison), comparison._repr_html_(), comparison.to_markdown()):
        assert "Geometric mean of 3 cases" in text
    assert comparison.to_html() == comparison._repr_html_()
    assert comparison.to_markdown() in Tags(comparison.to_html()).texts  # to be copied
    assert comparison.plot().get_title() == "Inference, batch size 8"


def test_a_machine_that_was_slower_widens_the_mean_too_and_one_round_takes_the_mean_of_the_ends():
    (time, _) = run_of().compare(run_of(slower=1.3, seed=3)).overall.to_dict("records")
    assert time["ratio_ci_low"] < 1 / 1.25
    assert time["ratio_ci_high"] > 0.97
    this, other = (
        results_of((case_of(), ok(a)), (case_of(sequence_length=16), ok(b))) for a, b in ((0.02, 0.04), (0.01, 0.04))
    )
    comparison = this.compare(other)
    (time, _) = comparison.overall.to_dict("records")
    frame = comparison.frame
    for name, end in (
        ("ratio", "time_ratio"),
        ("ratio_ci_low", "time_ratio_ci_low"),
        ("ratio_ci_high", "time_ratio_ci_high"),
    ):
        assert time[name] == pytest.approx(math.sqrt(frame[end].prod()))


def test_one_case_and_partners_of_one_run_have_no_mean():
    one = results_of((case_of(), ok()))
    assert one.compare(one).overall.empty
    several = results_of((case_of("a"), ok(0.1)), (case_of("b"), ok(0.2)), (case_of("c"), ok(0.3)))
    assert several.relative("a").overall.empty
    assert "Geometric mean" not in several.relative("a")._repr_html_()
