"""The original's nested dictionaries."""

from __future__ import annotations

import pytest
from support.measured import MIB

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
