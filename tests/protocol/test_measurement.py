"""Measurements: what they refuse, and that they come back from JSON as they were."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import any_settings, any_texts, any_values, through_json

from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.decoding import LARGEST_NUMBER, LARGEST_WHOLE_NUMBER
from hfbench_nb.protocol.line_trace import LineTrace, Place
from hfbench_nb.protocol.measurement import STATUSES, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

pytestmark = pytest.mark.quick

_times_s = st.floats(0.0, 1e6)
_timings = st.builds(
    Timing,
    st.lists(_times_s, min_size=1, max_size=4).map(tuple),
    st.integers(1, 1000),
    st.none() | st.floats(1e-6, 0.99),
    st.lists(_times_s, max_size=3).map(tuple),
)
_bytes = st.integers(0, 2**45)
_memory = st.builds(
    MemoryUse,
    any_texts,
    _bytes,
    st.none() | _bytes,
    st.none() | _bytes,
    st.none() | _bytes,
    st.dictionaries(any_texts, st.none() | _bytes, max_size=2),
)
TRACE = LineTrace(
    ("a.py",), ("a",), (Place(0, 0, 1, "line", "x = 1"), Place(0, 0, 2, "call", "f()")), (0, 1, 0), 10, (1, -1, 2)
)
_measurements = st.builds(
    Measurement,
    status=st.sampled_from(STATUSES),
    timing=st.none() | _timings,
    memory=st.none() | _memory,
    failure=st.none() | st.builds(Failure, any_texts, any_texts, any_texts, any_texts),
    details=st.dictionaries(any_texts, any_values | st.lists(any_values, max_size=2), max_size=3),
    line_trace=st.sampled_from([None, TRACE]),
    line_trace_failure=any_texts,
    note=any_texts,
    resolved=any_settings,
    metrics=st.dictionaries(any_texts, st.floats(-1e9, 1e9), max_size=3),
)


@given(_measurements)
def test_a_measurement_comes_back_from_json(measurement):
    data = through_json(measurement.to_dict())
    assert set(data) == {field.name for field in dataclasses.fields(Measurement)} - {"rounds"}
    again = Measurement.from_dict(data)
    assert again == measurement
    assert type(again.resolved) is Settings
    assert again.succeeded == (again.status == "ok")


def test_a_measurement_of_an_earlier_version_lacks_fields_that_came_later():
    assert Measurement.from_dict({"status": "ok"}) == Measurement("ok")


def measured(**given):
    return through_json({**Measurement("ok", Timing((1.0,)), MemoryUse("VmHWM", 1)).to_dict(), **given})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (measured(status="fine"), "unknown status 'fine'; known: ok, oom, error, timeout, crashed, cancelled"),
        (measured(status=1), "Measurement.status cannot be '1', a int"),
        (measured(colour="red"), "Measurement has no 'colour'"),
        ({}, "Measurement lacks status"),
        ("ok", "Measurement cannot be 'ok', a str"),
        (measured(timing={"samples_s": []}), "samples_s must hold at least one number"),
        (measured(timing={"samples_s": [-1.0]}), "a sample cannot be negative"),
        (measured(timing={"samples_s": [1.0], "device_samples_s": [-1.0]}), "a sample cannot be negative"),
        (measured(timing={"samples_s": [float("nan")]}), "Measurement.timing.samples_s cannot be 'nan', a float"),
        (measured(timing={"samples_s": [10 * LARGEST_NUMBER]}), "Measurement.timing.samples_s cannot be"),
        (measured(timing={"samples_s": [True]}), "Measurement.timing.samples_s cannot be 'True', a bool"),
        (measured(timing={"samples_s": "fast"}), "Measurement.timing.samples_s cannot be 'fast', a str"),
        (measured(timing={"samples_s": [1], "calls_per_sample": 0}), "calls_per_sample must be at least 1"),
        (measured(timing={"samples_s": [1], "precision": 1.0}), "precision between 0 and 1"),
        (measured(memory={"method": "x", "peak_bytes": -1}), "peak_bytes cannot be negative"),
        (measured(memory={"method": "x", "peak_bytes": 1.5}), "Measurement.memory.peak_bytes cannot be '1.5'"),
        (measured(memory={"method": "x", "peak_bytes": LARGEST_WHOLE_NUMBER + 1}), "peak_bytes cannot be"),
        (measured(memory={"method": "x", "peak_bytes": 1, "details": {"a": "b"}}), r"details\['a'\] cannot be 'b'"),
        (measured(failure={"error_type": "E"}), "Measurement.failure lacks message"),
        (measured(details=[]), r"Measurement.details cannot be '\[\]', a list"),
        (measured(note=None), "Measurement.note cannot be 'None'"),
        (measured(resolved=[]), "settings cannot be a list"),
        (measured(resolved={"device": []}), r"settings\['device'\] cannot be a list"),
        (measured(metrics={"ttft_s": "soon"}), r"Measurement.metrics\['ttft_s'\] cannot be 'soon', a str"),
        (measured(metrics={"ttft_s": None}), r"Measurement.metrics\['ttft_s'\] cannot be 'None'"),
        (measured(line_trace={**TRACE.to_dict(), "steps": [0, 1]}), "as many memory changes as steps"),
        (measured(line_trace={**TRACE.to_dict(), "steps": [0, 1, 2]}), "refers to an entry that does not exist"),
        (measured(line_trace={**TRACE.to_dict(), "places": [[0, 0, 1, "line"]]}), "Measurement.line_trace.places"),
    ],
)
def test_what_no_measurement_can_hold_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        Measurement.from_dict(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.data(), _json)
def test_any_value_in_any_field_is_read_or_refused(data, value):
    whole = dataclasses.replace(Measurement.from_dict(measured()), line_trace=TRACE, failure=Failure("E", "m"))
    name = data.draw(st.sampled_from(sorted(whole.to_dict())))
    try:
        made = Measurement.from_dict({**through_json(whole.to_dict()), name: value})
    except ValueError:
        return
    assert repr(Measurement.from_dict(through_json(made.to_dict()))) == repr(made)  # NaN in details is not itself
