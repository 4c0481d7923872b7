"""Two runs side by side, as text, in HTML and as a plot."""

from __future__ import annotations

import pytest
from support.measured import case_of, results_of, sweep, timed

from hfbench_nb import ArgumentError
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures"), pytest.mark.quick]


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
