"""Bars, where there is one length."""

from __future__ import annotations

import pytest
from support.measured import case_of, failed, results_of, sweep
from support.plots import row_names, texts_beside

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures")]


def test_one_length_gives_a_bar_a_line_from_zero():
    results = results_of(
        *sweep(["bert", "gpt2"], lengths=[128]).entries, (case_of("big", sequence_length=128), failed())
    )
    ax = results.plot()
    assert row_names(ax) == ["bert", "gpt2", "big"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([1.024, 2.048])
    assert texts_beside(ax) == ["1.02 s", "2.05 s", "oom"]
    assert (ax.get_xscale(), ax.get_xlim()[0], ax.get_xlabel()) == ("linear", 0, "Time (s)")
    bert, gpt2 = ax.get_yticks()[:2]
    assert ax.transData.transform((0, bert))[1] > ax.transData.transform((0, gpt2))[1]  # from top to bottom


def test_one_case_and_only_failed_ones():
    assert texts_beside(sweep(["bert"], lengths=[8]).plot("tokens_per_s")) == ["1,000/s"]
    assert texts_beside(results_of((case_of(), failed("crashed"))).plot()) == ["crashed"]
