"""The list of models of the form."""

from __future__ import annotations

import threading
import time

import pytest
from support.processes import wait_until
from support.widgets import can_run, find, said, status

from hfbench_nb.configurations import lookup
from hfbench_nb.frontends.widgets import model_list

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_models_can_be_removed_and_there_is_always_a_row(make):
    panel = make(models=["gpt2", "google-t5/t5-small"])
    find(panel, "remove-model")[0].click()
    assert panel.args.models == ["google-t5/t5-small"]
    find(panel, "remove-model")[0].click()
    assert [row.value for row in find(panel, "model")] == [""]
    assert not can_run(panel)


def test_the_catalogue_is_offered_while_typing(make):
    (name,) = find(make(models=[]), "model")
    assert {"gpt2", "google-bert/bert-base-uncased"} <= set(name.options)
    assert not name.ensure_option


def test_an_unknown_model_is_named_with_close_ones(make):
    panel = make(models=["bert-base-uncase"])
    assert not can_run(panel)
    assert said(panel) == []  # it may be typed still
    assert status(panel) == "Looking up the model ..."
    assert wait_until(lambda: status(panel) == "Correct what is marked above, then run.")
    (message,) = said(panel)
    assert "&#x27;bert-base-uncase&#x27; is not a directory" in message
    assert "Did you mean" in message
    assert "bert-base-uncased" in message
    assert "configs=" not in message  # there is no code here to write it in
    assert not can_run(panel)
    find(panel, "model")[0].value = "bert-base-uncased"
    assert said(panel) == []
    assert can_run(panel)


def test_the_hub_is_asked_without_waiting_for_it(make, monkeypatch):
    asked, answer = threading.Event(), threading.Event()

    def on_hub(name):
        asked.set()
        return {"model_type": "gpt2"} if answer.wait(10) and name == "me/mine" else None

    monkeypatch.setattr(lookup, "_on_hub", on_hub)
    panel = make(models=["me/mine"])
    assert asked.wait(5)
    assert "Asking the hub" in said(panel)[0]
    assert not can_run(panel)
    answer.set()
    assert wait_until(lambda: can_run(panel))
    assert said(panel) == []


def test_a_name_that_is_being_typed_is_no_mistake_yet(make, monkeypatch):
    asked = []
    monkeypatch.setattr(lookup, "_on_hub", asked.append)
    panel = make(models=[])
    (name,) = find(panel, "model")
    for end in range(1, len("openai-community/gpt2") + 1):
        name.value = "openai-community/gpt2"[:end]
        assert said(panel) == []
    assert can_run(panel)
    time.sleep(model_list.QUIET_S + 0.2)
    assert asked == []


def test_a_wrong_override_is_named_at_its_model(make):
    panel = make(models=["gpt2", "gpt2:n_layer=6"])
    find(panel, "overrides")[1].value = "layers=6"
    assert "&#x27;layers&#x27; cannot be overridden in &#x27;gpt2&#x27;" in said(panel)[0]
    assert not can_run(panel)
    find(panel, "overrides")[1].value = "n_layer=7"
    assert panel.args.models == ["gpt2", "gpt2:n_layer=7"]


def test_the_same_model_twice_is_refused(make):
    panel = make(models=["gpt2", "gpt2:n_layer=6"])
    find(panel, "overrides")[1].value = ""
    assert "without duplicates" in said(panel)[0]
