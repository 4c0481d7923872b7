"""Tables in HTML: marks, hints, what is folded, and that no script or style sheet is needed."""

from __future__ import annotations

import re

import pytest
from support.measured import case_of, failed, ok
from support.pages import Tags
from support.tables import results_of_two_models, sized

from hfbench_nb import BenchmarkResults
from hfbench_nb.display.tables import NOISY_MARK
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.quick]


@pytest.fixture
def results():
    return results_of_two_models()


def test_html_says_unit_spread_status_reason_and_what_the_marks_mean(results):
    html = results._repr_html_()
    parsed = Tags(html)
    assert {"Time (ms), inference, batch size 8", "Sequence length", "2.10", "1,234", "oom", "±2.8\u00a0%"} <= set(
        parsed.texts
    )
    hints = [attrs.get("title", "") for _, attrs in parsed.tags]
    assert "MemoryError: no memory" in hints
    assert "baseline 250 MB, weights 200 MB, working 464 MB, VmHWM" in hints
    assert any(hint.startswith("95 % interval 2.04 ms to 2.16 ms, 3 samples") for hint in hints if hint)
    assert "<strong>2.10</strong>" in html
    assert "? 20.0" in html
    assert NOISY_MARK not in html  # not known at all is the stronger mark
    legend = parsed.texts[: parsed.texts.index("Copy as Markdown")]
    assert [text for text in legend if "not yet known" in text or "the best of" in text] == [
        "the best of its column and batch size, and what cannot be told from it.",
        "? not yet known: the interval is wider than ±25 %.",
    ]
    assert "oom: MemoryError: no memory" in parsed.texts
    assert "bert: hub" in parsed.texts
    folded = html[html.index("<details>") :]
    assert "configurations_from" in folded
    assert "configurations_from" not in html[: html.index("<details>")]


def test_html_is_the_same_again_without_scripts_style_sheets_or_ids(results):
    html = results._repr_html_()
    assert html == BenchmarkResults(results.entries, results.environment, results.arguments)._repr_html_()
    tags = Tags(html).tags
    assert {tag for tag, _ in tags} <= {
        "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "strong", "em", "small", "p", "br", "details",
        "summary", "ul", "li", "pre",
    }  # fmt: skip
    assert {name for _, attrs in tags for name in attrs} <= {
        "class", "style", "align", "scope", "colspan", "rowspan", "title", "tabindex"
    }  # fmt: skip
    # Fixed colours would be lost on one of the two kinds of themes: only shades over what the page has.
    assert set(re.findall(r"#[0-9a-f]{3,6}|rgba?\([^)]*\)", html)) <= {
        "rgba(128, 128, 128, 0.35)", "rgba(128, 128, 128, 0.5)", "rgba(0, 158, 115, 0.18)"
    }  # fmt: skip


def test_the_legend_explains_only_marks_that_occur():
    one = BenchmarkResults([(case_of(), Measurement("ok", Timing((1.0,))))], {}, {})
    html = one._repr_html_()
    assert not any(word in html for word in ("noisy", "Bold", "±", "without a value"))


def test_what_is_known_of_the_inputs_is_said_on_hover():
    results = BenchmarkResults([(case_of(), ok(note="30 seconds of audio"))], {}, {"memory": False})
    hints = [attrs["title"] for _, attrs in Tags(results._repr_html_()).tags if "title" in attrs]
    assert any(hint.endswith("3 samples; 30 seconds of audio") for hint in hints)


def test_html_names_framework_device_and_size_and_folds_throughput():
    html = sized()._repr_html_()
    texts = Tags(html).texts
    assert "PyTorch 2.13.0, Transformers 4.57.6 on CPU (EPYC)" in texts
    assert texts.count("109\u00a0M\u00a0parameters") == 2  # in the first table alone
    fold = html[html.index("<details>") :]
    assert "Throughput and time per token" in fold
    assert {"Throughput (tokens/s), inference, batch size 8", "Time per token (ms), inference, batch size 8"} <= set(
        Tags(fold).texts
    )
    assert "800" in Tags(fold).texts  # 8 * 8 tokens in 0.08 s
    assert "org/<wbr>bert" in html


def test_the_tables_can_be_copied_without_a_script():
    results = sized()
    copied = results._repr_html_().partition("Copy as Markdown")[2]
    assert "user-select: all" in copied
    assert results.to_markdown() in Tags(copied).texts
    assert results.to_html() == results._repr_html_()


def test_a_run_in_which_everything_failed_opens_the_reasons():
    html = BenchmarkResults([(case_of(), failed()), (case_of(sequence_length=32), failed())], {}, {})._repr_html_()
    assert "<details open>" in html
    assert "2 failed: why" in Tags(html).texts
    assert "rgba(211, 47, 47, 0.25)" in html
    some = BenchmarkResults([(case_of(), failed()), (case_of(sequence_length=32), ok())], {}, {})._repr_html_()
    assert "<details open>" not in some
    assert "1 case without a value: why" in Tags(some).texts
