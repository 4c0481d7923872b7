"""Tables in LaTeX."""

from __future__ import annotations

import pytest
from support.measured import case_of, failed, ok

from hfbench_nb import BenchmarkResults

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def test_latex_has_a_table_a_metric_and_escapes_names():
    entries = [(case_of("a_b&c"), ok(0.02)), (case_of("slow"), ok(0.05)), (case_of("gone"), failed())]
    text = BenchmarkResults(entries, {"device": "cpu"}, {}).to_latex()
    assert text.count(r"\begin{table}") == text.count(r"\bottomrule") == 2
    assert r"\caption{Time (ms), inference, batch size 8; PyTorch on CPU}" in text
    assert r"a\_b\&c & \textbf{20.0} $\pm$2.8 \% \\" in text
    assert r"gone & \emph{oom} \\" in text
