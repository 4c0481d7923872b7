"""Line-by-line memory traces as text, table, HTML and plot."""

from __future__ import annotations

import textwrap

import pytest
from support.line_traces import example

from hfbench_nb.display.memory_summary import SUMMARY_COLUMNS, summarize
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.line_trace import LineTrace
from hfbench_nb.protocol.measurement import Measurement

pytestmark = pytest.mark.measures


def test_report_has_the_layout_of_the_original():
    expected = """
        Line by line memory consumption:
        /home/me/a <b>.py:3: mem 8:   x = '<script>' & y
        <cell>:1: mem -3: z
        /home/me/a <b>.py:3: mem 1:   x = '<script>' & y

        Lines with top memory consumption:
        => /home/me/a <b>.py:3: mem 9:   x = '<script>' & y
        => <cell>:1: mem -3: z

        Lines with lowest memory consumption:
        => /home/me/a <b>.py:3: mem 9:   x = '<script>' & y
        => <cell>:1: mem -3: z

        Total memory increase: 9"""
    assert summarize(example()).report() == textwrap.dedent(expected)


def test_frame():
    frame = summarize(example()).frame
    assert tuple(frame.columns) == SUMMARY_COLUMNS
    assert list(frame["total_mb"]) == [8, -3, 1]
    assert list(frame["line"]) == [3, 1, 3]
    assert frame["file"][1] == "<cell>"


def test_html_links_escapes_and_is_the_same_again():
    html = summarize(example())._repr_html_()
    assert '<a href="file:///home/me/a%20%3Cb%3E.py#L3">a &lt;b&gt;.py:3</a>' in html
    assert "&lt;script&gt;&#39; &amp; y" in html
    assert "<script" not in html
    assert "<style" not in html
    assert html == summarize(example())._repr_html_()


def test_plot():
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from hfbench_nb.display.plots import PALETTE

    ax = Figure().subplots()
    assert summarize(example()).plot(ax=ax) is ax
    line = ax.get_lines()[0]
    assert list(line.get_ydata()) == [0, 8, 5, 6]
    assert matplotlib.colors.same_color(line.get_color(), PALETTE[0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "CPU",
        "a <b>.py:3: +8.0 MB",
        "a <b>.py:3: +1.0 MB",
    ]


def test_summary_of_the_last_case_of_a_task():
    cases = [Case("PyTorch", "m", "inference", 1, length) for length in (8, 16, 32)]
    traces = [example(), LineTrace(**{**vars(example()), "cpu_start_bytes": 0}), None]
    measurements = [Measurement("ok", line_trace=trace) for trace in traces]
    results = BenchmarkResults(zip(cases, measurements, strict=True), {}, {"trace_memory_line_by_line": True})
    assert list(results.summaries) == cases[:2]
    assert results.inference_summary == results.summaries[cases[1]]
    assert results.train_summary is None
