"""Ratios of cases with their intervals, and by pairs of rounds what the machine's own changes do not hide."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from support.measured import case_of, results_of, sweep, timed
from support.rounds import MOMENTS, in_rounds

from hfbench_nb.analysis.ratios import ratio_interval, told_apart
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.stats import median_interval
from hfbench_nb.results.metrics import METRICS

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]


def test_pairs_of_rounds_tell_what_the_machine_hides():
    results = results_of(
        (case_of("base"), in_rounds(0.1)),
        (case_of("slower"), in_rounds(0.11, memory_mib=600)),
        (case_of("alike"), in_rounds(0.1, seed=7)),
        (case_of("other", sequence_length=16), in_rounds(0.1)),
    )
    relative = results.relative(to="base")
    frame = relative.frame.set_index("model")
    assert frame["time_ratio"]["slower"] == pytest.approx(1.1, rel=0.02)
    assert frame["time_differs"].to_dict() == {"slower": True, "alike": False}
    assert frame["memory_differs"].to_dict() == {"slower": True, "alike": False}
    assert relative.notes == ()
    slower, alike, alone = str(relative).splitlines()[1:]
    assert "slower; memory 600 MB / 500 MB = 1.20 [" in slower
    assert slower.endswith("more")
    assert alike.endswith("cannot be told")
    assert alone == "Only in case: other, inference, batch size 8, sequence length 16"
    assert "case / base" in relative._repr_html_()
    assert "| `slower` | inference | 8 | 8 |" in relative.to_markdown()
    assert relative.plot().get_ylabel() or relative.plot().get_xlabel()
    # As two runs they could not be told apart: the machine's own changes are far greater.
    this, other = (results_of((case_of(), measured)) for _, measured in (results.entries[1], results.entries[0]))
    assert this.compare(other).frame["time_differs"].tolist() == [False]


def test_the_best_of_a_table_is_told_by_pairs_and_a_wide_interval_is_not_known_yet():
    restless = [2 * moment for moment in MOMENTS]
    results = results_of(
        (case_of("fast"), in_rounds(0.1, moments=restless)), (case_of("slow"), in_rounds(0.12, moments=restless))
    )
    time_s = METRICS["time_s"]
    (_, high), (other_low, _) = (time_s.interval_of(*entry) for entry in results.entries)
    assert other_low < high  # the intervals overlap, since the machine's speed changed
    fast, slow = results.rows
    assert told_apart(fast, slow, time_s)
    html, markdown = results._repr_html_(), results.to_markdown()
    assert "not yet known: the interval is wider than" in html
    assert "<strong>" not in html.partition("</table>")[0].partition("<tbody")[2]
    assert "? 1" in markdown
    steady = results_of(
        *(
            (case_of(name), in_rounds(t, moments=[m / 3 for m in MOMENTS]))
            for name, t in (("fast", 0.1), ("slow", 0.12))
        )
    )
    assert steady.to_markdown().count("**100**") == 1


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


def test_a_missing_time_of_one_side_has_no_ratio():
    frame = results_of((case_of(), Measurement("ok"))).compare(sweep(["bert"])).frame
    assert frame[["time_ratio", "memory_ratio"]].isna().all(axis=None)
