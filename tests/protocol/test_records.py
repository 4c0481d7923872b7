"""The records that both ends share, what they refuse, and that they come back from JSON as they were."""

from __future__ import annotations

import dataclasses
import json
import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench_nb.protocol.case import LARGEST_SIZE, Case, Settings
from hfbench_nb.protocol.decoding import LARGEST_NUMBER, LARGEST_WHOLE_NUMBER, make, parse_json
from hfbench_nb.protocol.line_trace import LineTrace, Place
from hfbench_nb.protocol.measurement import STATUSES, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.registry import Registry, resolve
from hfbench_nb.protocol.request import Method, ModelSpec, PickledFunction, Request, environment_message
from hfbench_nb.protocol.tasks import TASKS, Task
from hfbench_nb.protocol.timing import Timing

pytestmark = pytest.mark.quick

_texts = st.text(max_size=8).filter(lambda text: text.encode("utf-8", "ignore").decode() == text)
_names = _texts.filter(str.strip)
_values = st.none() | st.booleans() | _texts | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9)
_settings = st.dictionaries(_names, _values, max_size=4).map(Settings)
_sizes = st.integers(1, LARGEST_SIZE)
_cases = st.builds(
    Case, _texts, _names, st.sampled_from(["inference", "training"]), _sizes, _sizes, _settings
) | st.builds(Case, _texts, _names, st.just("function"), settings=_settings)


def through_json(data):
    return parse_json(json.dumps(data))


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


@given(_settings, st.sets(_names, max_size=4))
def test_only_and_without_share_settings_out(settings, more):
    names = {*list(settings)[::2], *more}
    only, without = settings.only(names), settings.without(names)
    assert {**only, **without} == dict(settings)
    assert set(only) <= names
    assert not names & set(without)
    assert list(settings.without(())) == list(settings)
    assert settings.only(iter(names)) == only


@given(_settings)
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

CASE = Case("PyTorch", "bert", "training", 8, 32, Settings(dtype="bfloat16", threads=None))


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


@given(_cases)
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
        assert (TASKS["dreaming"].file_stem, TASKS["dreaming"].report_heading) == (
            "dreaming",
            "DREAMING - {} - RESULT",
        )
        assert TASKS["dreaming"].report_word == "DREAMING"
    finally:
        TASKS.remove("dreaming")
    with pytest.raises(ValueError, match="unknown task"):
        make(Case, case_data(task="dreaming"))


# ---- requests


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


# ---- measurements

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
    _texts,
    _bytes,
    st.none() | _bytes,
    st.none() | _bytes,
    st.none() | _bytes,
    st.dictionaries(_texts, st.none() | _bytes, max_size=2),
)
TRACE = LineTrace(
    ("a.py",), ("a",), (Place(0, 0, 1, "line", "x = 1"), Place(0, 0, 2, "call", "f()")), (0, 1, 0), 10, (1, -1, 2)
)
_measurements = st.builds(
    Measurement,
    status=st.sampled_from(STATUSES),
    timing=st.none() | _timings,
    memory=st.none() | _memory,
    failure=st.none() | st.builds(Failure, _texts, _texts, _texts, _texts),
    details=st.dictionaries(_texts, _values | st.lists(_values, max_size=2), max_size=3),
    line_trace=st.sampled_from([None, TRACE]),
    line_trace_failure=_texts,
    note=_texts,
    resolved=_settings,
    metrics=st.dictionaries(_texts, st.floats(-1e9, 1e9), max_size=3),
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


def test_what_is_nested_deeper_than_anything_that_is_written_is_refused():
    assert parse_json("[" * 50 + "]" * 50)
    for depth in (52, 100_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_json("[" * depth + "]" * depth)


def test_lone_surrogates_are_replaced():
    assert parse_json('["\\ud800", "\\ud83d\\ude00"]') == ["?", "\N{GRINNING FACE}"]


# ---- registries


@dataclass(frozen=True)
class Thing:
    name: str
    colour: str = "red"


@pytest.fixture
def things():
    registry = Registry("thing")
    for name in ("c", "a", "b"):
        registry.register(Thing(name))
    return registry


def test_a_registry_keeps_the_order_of_registration(things):
    assert things.names == ("c", "a", "b")
    assert [thing.name for thing in things] == ["c", "a", "b"]
    assert things.register(Thing("d")) == Thing("d")
    assert things.names == ("c", "a", "b", "d")
    assert things["a"] == Thing("a")
    assert "a" in things
    assert "z" not in things
    assert None not in things


def test_a_name_is_taken_unless_it_is_replaced_in_its_place(things):
    with pytest.raises(ValueError, match="a thing named 'a' is registered already"):
        things.register(Thing("a", "blue"))
    assert things["a"].colour == "red"
    things.register(Thing("a", "blue"), replace=True)
    assert things["a"].colour == "blue"
    assert things.names == ("c", "a", "b")


def test_an_unknown_name_is_told_with_those_that_are_known(things):
    with pytest.raises(KeyError) as caught:
        things["z"]
    assert caught.value.args == ("no thing is named 'z'; there are c, a, b",)


def test_what_was_removed_is_gone(things):
    things.remove("a")
    assert things.names == ("c", "b")
    assert "a" not in things
    with pytest.raises(KeyError):
        things.remove("a")
    things.register(Thing("a"))
    assert things.names == ("c", "b", "a")


def test_references_are_resolved():
    assert resolve("json:dumps") is json.dumps
    assert resolve("json") is json
    with pytest.raises(ImportError):
        resolve("no_such_module_anywhere:name")
    with pytest.raises(AttributeError):
        resolve("json:no_such_name")
