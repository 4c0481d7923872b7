"""Curves to point at: what the chart holds, line by line, and what it says where it cannot be made."""

from __future__ import annotations

import json
import sys

import pytest
from support.measured import case_of, failed, ok, results_of, sweep

from hfbench_nb import ArgumentError

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def specification(chart):
    """Return what a page gets, which has to be JSON."""
    return json.loads(chart.to_json())


def test_each_point_tells_its_line_value_and_interval():
    spec = specification(sweep().plot_interactive())
    points = spec["data"]["values"]
    assert {point["line"] for point in points} == {"bert", "gpt2"}
    assert len(points) == len(sweep())
    first = points[0]
    assert (first["line"], first["sequence_length"], first["status"]) == ("bert", 8, "ok")
    assert first["text"] == "64.0 ms"
    assert spec["title"]["text"].startswith("Inference, batch size 8")
    text = json.dumps(spec)
    assert '"Sequence length (tokens)"' in text
    assert '"Time (s)"' in text


def test_what_failed_has_no_value_and_is_told():
    results = results_of((case_of(sequence_length=8), ok(0.1)), (case_of(sequence_length=512), failed("oom")))
    spec = specification(results.plot_interactive())
    fine, too_large = spec["data"]["values"]
    assert fine["value"] == 0.1
    assert too_large["status"] == "oom"
    assert "value" not in too_large


def test_values_far_apart_have_a_logarithmic_axis_and_tasks_have_lines_of_their_own():
    near = results_of((case_of(sequence_length=8), ok(0.1)), (case_of(sequence_length=32), ok(0.11)))
    both = near + results_of((case_of(task="training", sequence_length=8), ok(1.0)))
    assert '"zero": true' in near.plot_interactive().to_json()
    assert '"zero": true' not in both.plot_interactive().to_json()
    assert {point["line"] for point in specification(both.plot_interactive())["data"]["values"]} == {
        "bert, inference", "bert, training",
    }  # fmt: skip
    assert len(specification(both.plot_interactive(task="training"))["data"]["values"]) == 1


def test_more_than_five_thousand_points_are_no_error():
    results = results_of(
        *((case_of(f"m{i}", sequence_length=n), ok(0.1 * n)) for i in range(1300) for n in (1, 2, 4, 8))
    )
    spec = specification(results.plot_interactive())
    assert len(spec["data"]["values"]) == 5200


def test_without_altair_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(ArgumentError, match=r"needs Altair, .*pip install 'hfbench-nb\[interactive\]'"):
        sweep().plot_interactive()


def test_what_cannot_be_plotted_is_refused():
    with pytest.raises(ArgumentError, match="values='nothing'"):
        sweep().plot_interactive("nothing")
    with pytest.raises(ArgumentError, match="along='dtype'"):
        sweep().plot_interactive(along="dtype")
