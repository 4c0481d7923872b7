"""Settings and cases: what they refuse, and that they come back from JSON as they were."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import CASE, any_cases, any_names, any_settings, through_json

from hfbench_nb.protocol.case import LARGEST_SIZE, Case, Settings
from hfbench_nb.protocol.decoding import make
from hfbench_nb.protocol.tasks import TASKS, Task

pytestmark = pytest.mark.quick


# ---- settings


def test_settings_are_a_mapping_that_cannot_be_changed():
    settings = Settings({"dtype": "float32"}, threads=2)
    assert dict(settings) == {"dtype": "float32", "threads": 2}
    assert (len(settings), settings.get("device"), "threads" in settings) == (2, None, True)
    assert repr(settings) == "Settings(dtype='float32', threads=2)"
    hash(settings)
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert "_hash" not in repr(settings.__reduce__())  # that of strings differs between processes
    with pytest.raises(TypeError):
        settings["threads"] = 3
    with pytest.raises(TypeError):
        del settings["threads"]
    with pytest.raises(AttributeError):
        settings.more = 1
    with pytest.raises(KeyError):
        settings["device"]


def test_settings_do_not_change_with_what_they_were_made_of():
    values = {"threads": 1}
    settings = Settings(values)
    values["threads"] = 2
    assert settings["threads"] == 1


def test_settings_are_equal_in_any_order_and_to_settings_alone():
    one, other = Settings(a=1, b=None), Settings(b=None, a=1)
    assert one == other
    assert hash(one) == hash(other)
    assert list(one) != list(other)
    assert one != Settings(a=1)
    assert one != {"a": 1, "b": None}


@given(any_settings, st.sets(any_names, max_size=4))
def test_only_and_without_share_settings_out(settings, more):
    names = {*list(settings)[::2], *more}
    only, without = settings.only(names), settings.without(names)
    assert {**only, **without} == dict(settings)
    assert set(only) <= names
    assert not names & set(without)
    assert list(settings.without(())) == list(settings)
    assert settings.only(iter(names)) == only


@given(any_settings)
def test_settings_come_back_from_json(settings):
    again = Settings.from_json(through_json(dict(settings)))
    assert again == settings
    assert list(again.items()) == list(settings.items())
    assert [type(value) for value in again.values()] == [type(value) for value in settings.values()]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "settings cannot be a list"),
        (None, "settings cannot be a NoneType"),
        ("dtype", "settings cannot be a str"),
        ({"dtype": ["float32"]}, r"settings\['dtype'\] cannot be a list"),
        ({"dtype": {}}, r"settings\['dtype'\] cannot be a dict"),
    ],
)
def test_what_is_no_settings_is_refused(data, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Settings.from_json(data)


# ---- cases


def test_the_fields_of_a_case_are_its_identity():
    same = Case("PyTorch", "bert", "training", 8, 32, Settings(threads=None, dtype="bfloat16"))
    assert same == CASE
    assert len({same, CASE}) == 1
    others = {
        "framework": "TensorFlow", "model": "gpt2", "task": "inference", "batch_size": 9, "sequence_length": 33,
        "settings": Settings(dtype="float16", threads=None),
    }  # fmt: skip
    assert list(others) == [field.name for field in dataclasses.fields(Case)]
    changed = [dataclasses.replace(CASE, **{name: value}) for name, value in others.items()]
    assert len({CASE, *changed}) == len(others) + 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        CASE.model = "gpt2"


def test_a_case_says_what_it_is():
    assert str(CASE) == "bert, training, batch size 8, sequence length 32"
    assert str(CASE.of_model("gpt2")) == "gpt2, training, batch size 8, sequence length 32"
    assert CASE.of_model("gpt2").settings == CASE.settings
    assert str(Case("Python", "sorted", "function")) == "sorted, function"
    assert CASE.sizes == (8, 32)


@given(any_cases)
def test_a_case_comes_back_from_json(case):
    data = through_json(case.to_dict())
    assert set(data) == {field.name for field in dataclasses.fields(Case)}
    again = make(Case, data)
    assert again == case
    assert hash(again) == hash(case)
    assert list(again.settings.items()) == list(case.settings.items())


def case_data(**given):
    return {**CASE.to_dict(), **given}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (case_data(task="sleeping"), "unknown task 'sleeping'; known: inference, training, generation, function"),
        (case_data(model=" "), "the name of the model is empty"),
        (case_data(task="function"), "a function has no batch size or sequence length"),
        (case_data(task="function", batch_size=None), "a function has no batch size or sequence length"),
        (case_data(batch_size=None), r"whole numbers from 1 to 999999999: \(None, 32\)"),
        (case_data(batch_size=0), r"whole numbers from 1 to 999999999: \(0, 32\)"),
        (case_data(sequence_length=LARGEST_SIZE + 1), r"whole numbers from 1 to 999999999: \(8, 1000000000\)"),
        (case_data(batch_size=True), "Case.batch_size cannot be 'True', a bool"),
        (case_data(batch_size=8.0), "Case.batch_size cannot be '8.0', a float"),
        (case_data(batch_size="8"), "Case.batch_size cannot be '8', a str"),
        (case_data(model=None), "Case.model cannot be 'None', a NoneType"),
        (case_data(settings=None), "settings cannot be a NoneType"),
        (case_data(settings={"dtype": []}), r"settings\['dtype'\] cannot be a list"),
        (case_data(colour="red"), "Case has no 'colour'"),
        ({"framework": "PyTorch"}, "Case lacks model, task"),
        ([], r"Case cannot be '\[\]', a list"),
        (None, "Case cannot be 'None', a NoneType"),
    ],
)
def test_what_is_no_case_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        make(Case, data)


def test_a_task_that_was_registered_may_be_that_of_a_case():
    TASKS.register(Task("dreaming", "somewhere:Dreaming"))
    try:
        make(Case, case_data(task="dreaming"))
        dreaming = TASKS["dreaming"]
        assert (dreaming.stem, dreaming.report_word) == ("dreaming", "DREAMING")
        assert dreaming.report_heading("SPEED") == "DREAMING - SPEED - RESULT"
    finally:
        TASKS.remove("dreaming")
    with pytest.raises(ValueError, match="unknown task"):
        make(Case, case_data(task="dreaming"))
