"""What the largest case of the form needs."""

from __future__ import annotations

import pytest
from support.processes import wait_until
from support.widgets import find, needs, only, write

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_what_the_largest_case_needs_is_said_before_it_runs(make, model):
    panel = make(models=[model], batch_sizes=[1, 2], sequence_lengths=[8, 16])
    assert wait_until(lambda: "which fits this machine" in needs(panel), 60.0)
    assert "inference, batch size 2, sequence length 16 needs about" in needs(panel)
    assert 'role="status"' in needs(panel)
    find(panel, "model")[0].value = "gpt2"
    write(panel, "batch_sizes", "4, 4096")
    assert needs(panel) == '<span role="status"></span>'
    write(panel, "sequence_lengths", "1024")
    assert wait_until(lambda: "it would run out of memory" in needs(panel), 60.0)
    assert "gpt2, inference, batch size 4096, sequence length 1024" in needs(panel)
    assert "hfbench-warning" in only(panel, "needs")._dom_classes
    only(panel, "framework").value = "TensorFlow"
    assert only(panel, "needs").layout.display == "none"
