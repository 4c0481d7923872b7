"""Ratios in words: which of them say nothing."""

from __future__ import annotations

import pytest
from support.measured import case_of, results_of
from support.rounds import MOMENTS, in_rounds

from hfbench_nb.display.comparison_parts import ratio_texts
from hfbench_nb.protocol.round_stats import Estimate
from hfbench_nb.results.metrics import METRICS

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]


def test_a_ratio_that_could_be_anything_is_too_noisy():
    wide = [30 * moment for moment in MOMENTS]
    (row,) = (
        results_of((case_of(), in_rounds(0.1, moments=wide)))
        .compare(results_of((case_of(), in_rounds(0.1, seed=2))))
        .texts()
    )
    assert row["metrics"][0]["interval"] == "too noisy"
    assert row["metrics"][0]["verdict"] == "cannot be told"


def test_a_wide_interval_that_still_tells_which_is_faster_is_shown():
    assert ratio_texts(Estimate(5.5, 1.1, 27.0), METRICS["time_s"]) == {
        "ratio": "5.50", "interval": "[1.10, 27.0]", "verdict": "slower",
    }  # fmt: skip
    assert ratio_texts(Estimate(5.5, 0.9, 27.0), METRICS["time_s"])["interval"] == "too noisy"
