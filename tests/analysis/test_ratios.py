"""Ratios of cases by pairs of rounds: what the machine's own changes do not hide."""

from __future__ import annotations

import pytest
from support.measured import case_of, results_of
from support.rounds import MOMENTS, in_rounds

from hfbench_nb.analysis.ratios import told_apart
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
