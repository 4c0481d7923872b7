"""The environment of results as data and as text."""

from __future__ import annotations

import json
import pickle

import pytest
from support.pages import Tags
from support.tables import results_of_two_models

from hfbench_nb import BenchmarkResults

pytestmark = [pytest.mark.shows, pytest.mark.quick]


@pytest.fixture
def results():
    return results_of_two_models()


def test_the_environment_is_a_dictionary_that_shows_itself(results):
    environment = results.environment
    assert environment == {"framework": "PyTorch", "use_gpu": False, "configurations_from": {"bert": "hub"}}
    assert json.loads(json.dumps(environment)) == environment
    assert pickle.loads(pickle.dumps(environment)) == environment
    assert str(environment) == "- framework: PyTorch\n- use_gpu: False\n- configurations_from: {'bert': 'hub'}"
    assert {"Environment", "framework", "PyTorch", "bert: hub"} <= set(Tags(environment._repr_html_()).texts)
    assert repr(BenchmarkResults([], {}, {}).environment) == "no facts"


def test_facts_that_differ_between_runs_stand_beside_each_other(results):
    other = BenchmarkResults([], {"framework": "TensorFlow"}, {})
    assert "PyTorch | TensorFlow" in Tags((results + other)._repr_html_()).texts
