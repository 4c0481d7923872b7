"""JSON that is no record."""

from __future__ import annotations

import pytest

from hfbench_nb.protocol.decoding import parse_json

pytestmark = pytest.mark.quick


def test_what_is_nested_deeper_than_anything_that_is_written_is_refused():
    assert parse_json("[" * 50 + "]" * 50)
    for depth in (52, 100_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_json("[" * depth + "]" * depth)


def test_lone_surrogates_are_replaced():
    assert parse_json('["\\ud800", "\\ud83d\\ude00"]') == ["?", "\N{GRINNING FACE}"]
