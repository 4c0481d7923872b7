"""Whatever is given as a report: a clear error or a right answer, never another exception or a hang."""

from __future__ import annotations

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bad_inputs import ARGUMENTS, ENTRIES, ENVIRONMENT, csv_field, damaged, examples, read_or_refuse

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.errors import ArgumentError


@pytest.fixture(scope="module")
def report_text():
    return BenchmarkResults(ENTRIES, ENVIRONMENT, ARGUMENTS).report()


@examples(240)
@given(st.data())
def test_a_report_is_read_or_refused(report_text, folder, data):
    row = st.tuples(st.sampled_from(["bert", "a b", "", "<b>"]), csv_field, csv_field, csv_field).map("  ".join)
    lines = report_text.split("\n")
    place = data.draw(st.integers(0, len(lines)))
    with_rows = "\n".join([*lines[:place], *data.draw(st.lists(row, min_size=1, max_size=3)), *lines[place:]])
    text = data.draw(st.sampled_from([with_rows, with_rows]) | damaged(report_text) | st.text(max_size=100))
    read_or_refuse(lambda: BenchmarkResults.from_report(text), "text", folder)


@pytest.mark.parametrize("text", [None, 5, b"report", ["report"], {}, math.nan])
def test_a_report_is_text(text):
    with pytest.raises(ArgumentError, match="text="):
        BenchmarkResults.from_report(text)


@pytest.mark.parametrize(
    "unit", ["N/A: ", "N/A: x, inference, batch size 1, sequence length 1: ", "< ", "=" * 20, "- a: ", "> "]
)
def test_a_long_line_takes_no_long_time(unit):
    head = "=" * 20 + "INFERENCE - SPEED - RESULT" + "=" * 20 + "\n" + ("-" * 80 + "\n") * 2
    with pytest.raises(ArgumentError):
        BenchmarkResults.from_report(head + unit * 20_000 + string.ascii_letters)
