"""The record of a line-by-line memory trace."""

from __future__ import annotations

import json

import pytest
from support.line_traces import example

from hfbench_nb.protocol.line_trace import LineTrace
from hfbench_nb.protocol.measurement import Measurement

pytestmark = pytest.mark.measures


def test_record_survives_json():
    measurement = Measurement("ok", line_trace=example())
    data = json.loads(json.dumps(measurement.to_dict()))
    assert Measurement.from_dict(data) == measurement
    assert Measurement.from_dict({"status": "ok"}).line_trace is None


@pytest.mark.parametrize(
    "change", [{"steps": [0, 1]}, {"steps": [0, 1, 2]}, {"steps": [0, 1, "0"]}, {"files": []}, {"other": [1]}]
)
def test_damaged_record_is_refused(change):
    with pytest.raises((ValueError, TypeError)):
        LineTrace.from_dict({**example().to_dict(), **change})
