"""The largest size that fits, as a button finds it."""

from __future__ import annotations

import pytest
from support.widgets import only, said, wait_for_the_end, write

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_the_largest_size_that_fits_is_found_by_a_button(make, model):
    panel = make(models=[model], batch_sizes=[1], sequence_lengths=[8])
    write(panel, "limit_mb", "-1")
    only(panel, "find-largest").click()
    assert "limit_mb=-1.0 cannot be used" in said(panel)[0]
    write(panel, "limit_mb", "")
    write(panel, "maximum", "4")
    only(panel, "find-largest").click()
    assert said(panel) == []
    assert only(panel, "find-largest").disabled
    wait_for_the_end(panel, 60.0)
    assert panel.results.largest.frame["batch_size"].tolist() == [4]
    assert "Largest batch size within" in only(panel, "table").value
