"""Requests as a worker server reads them."""

from __future__ import annotations

import pytest
from support.records import CASE, through_json

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.decoding import make
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import Method, ModelSpec, PickledFunction, Request, environment_message
from hfbench_nb.protocol.tasks import TASKS

pytestmark = pytest.mark.quick


def test_a_request_for_a_model_as_a_worker_server_reads_it():
    spec = ModelSpec("bert", {"model_type": "bert", "hidden_size": 32}, "hub", folder="/f", overrides={"n": 1})
    message = Request(CASE, Method(seed=7), spec, timeout_s=1.0).to_message()
    assert through_json(message) == message
    assert (message["do"], message["family"]) == ("measure", "bert")
    assert message["workload"] == TASKS["training"].workload
    assert make(Case, message["case"]) == CASE
    assert Method(**message["method"]) == Method(seed=7)
    assert ModelSpec(**message["model"]) == spec
    assert "function" not in message
    assert "timeout_s" not in message  # only the notebook's end watches the time


def test_a_configuration_class_of_the_users_own_has_no_family():
    message = Request(CASE, Method(), ModelSpec("m", {"model_type": "bert"}, "configs argument", "pickle")).to_message()
    assert message["family"] == ""


def test_a_request_for_a_function():
    case = Case("Python", "sorted", "function")
    message = Request(case, Method(), PickledFunction("pickle", "/folder")).to_message()
    assert through_json(message) == message
    assert message["family"] is None
    assert message["workload"] == TASKS["function"].workload
    assert make(Case, message["case"]) == case
    assert message["function"] == {"pickled": "pickle", "folder": "/folder"}
    assert "model" not in message


def test_the_environment_is_asked_for_with_settings_and_method():
    message = environment_message(Settings(device="cpu"), Method(use_tpu=True))
    assert through_json(message) == message
    assert (message["do"], message["settings"]) == ("environment", {"device": "cpu"})
    assert Method(**message["method"]) == Method(use_tpu=True)


def test_every_task_names_a_workload_that_is_there():
    for task in TASKS:
        assert isinstance(resolve(task.workload), type)
