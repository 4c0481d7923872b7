"""The registry of metrics."""

from __future__ import annotations

import pytest

from hfbench_nb.results.metrics import Metric

pytestmark = [pytest.mark.shows, pytest.mark.quick]


@pytest.mark.parametrize(
    ("name", "unit", "stem"),
    [
        ("time_s", "s", "time"), ("memory_mb", "MB", "memory"), ("energy_j", "J", "energy"),
        ("tokens_per_s", "tokens/s", "tokens_per_s"), ("output_quality", "", "output_quality"),
        ("bandwidth_utilization", "", "bandwidth_utilization"),
    ],
)  # fmt: skip
def test_the_stem_of_a_metric_is_its_name_without_its_unit(name, unit, stem):
    assert Metric(name, "Title", unit).stem == stem
