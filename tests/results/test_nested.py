"""The original's nested dictionaries."""

from __future__ import annotations

import dataclasses

import pytest
from support.measured import MIB, case_of, failed, function_row, ok, results_of

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.case import Settings
from hfbench_nb.results.nested import Memory

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def test_the_originals_dictionaries(results):
    nested = results.time_inference_result
    assert nested["bert"] == {"bs": [8], "ss": [8, 512], "result": {8: {8: 0.0001, 512: 1.2345}}}
    memory = results.memory_inference_result
    assert memory["bert"]["result"][8][512].bytes == 914 * MIB
    assert str(memory["bert"]["result"][8][512]) == "914"
    assert memory["a-model-whose-name-is-longer-than-thirty-characters"]["result"][8][512] == "N/A"
    assert results.time_train_result["bert"]["result"] == {8: {}}
    assert results.inference_summary is None
    assert results.train_summary is None


def test_memory_is_bytes_that_read_as_whole_megabytes():
    assert [str(Memory(round(mb * MIB))) for mb in (0, 0.4, 768.7, 1e6)] == ["0", "0", "769", "1000000"]
    assert repr(Memory(3 * MIB)) == "3"
    assert Memory(3 * MIB).bytes == 3 * MIB


def test_functions_are_kept_apart_from_models():
    results = results_of((case_of(batch_size=2), ok(0.5)), function_row())
    assert results.nested("function", "speed")["my_function"] == {
        "bs": [None],
        "ss": [None],
        "result": {None: {None: 0.02}},
    }
    assert results.nested("inference", "speed")["bert"] == {"bs": [2], "ss": [8], "result": {2: {8: 0.5}}}
    assert results.nested("inference", "speed")["my_function"]["result"] == {2: {}}


def test_rows_whose_settings_vary_have_entries_of_their_own():
    entries = [
        (dataclasses.replace(case_of(), settings=Settings(dtype=dtype)), ok(time_s))
        for dtype, time_s in (("float32", 0.2), ("bfloat16", 0.1))
    ]
    nested = results_of(*entries).time_inference_result
    assert {name: each["result"][8][8] for name, each in nested.items()} == {
        "bert [float32]": 0.2,
        "bert [bfloat16]": 0.1,
    }


def test_what_was_not_asked_for_or_not_measured_has_no_values():
    entries = [(case_of(), ok()), (case_of(sequence_length=32), failed())]
    only_time = BenchmarkResults(entries, {}, {"speed": True, "memory": False})
    assert only_time.memory_inference_result["bert"]["result"] == {8: {}}
    assert only_time.time_inference_result["bert"]["result"] == {8: {8: 0.02, 32: "N/A"}}
    assert BenchmarkResults([], {}, {}).time_inference_result == {}
