"""The form of the control panel: what is typed becomes arguments, or is marked."""

from __future__ import annotations

import dataclasses

import pytest
from support.widgets import can_run, find, only, said, shown, status, write

from hfbench_nb import ArgumentError, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_a_panel_without_a_model_asks_for_one(make):
    panel = make(models=[])
    assert not can_run(panel)
    assert said(panel) == []
    assert status(panel) == "Name a model, then run."
    assert panel.results is None
    with pytest.raises(ArgumentError, match=r"The panel describes no run\. Name a model"):
        _ = panel.args


def test_what_is_typed_becomes_arguments(make):
    panel = make(models=[])
    (name,) = find(panel, "model")
    name.value = "gpt2"
    only(panel, "add-model").click()
    find(panel, "model")[1].value = " google-bert/bert-base-uncased "
    find(panel, "overrides")[1].value = "num_hidden_layers = 6, hidden_size=384"
    only(panel, "field-training").value = True
    write(panel, "batch_sizes", "1, 8")
    write(panel, "sequence_lengths", "8 32;128,512")
    write(panel, "threads", "2-4")
    write(panel, "overlay", "")
    assert said(panel) == []
    assert can_run(panel)
    variant = "google-bert/bert-base-uncased:num_hidden_layers=6,hidden_size=384"
    expected = PyTorchBenchmarkArguments(
        models=["gpt2", variant], batch_sizes=[1, 8], sequence_lengths=[8, 32, 128, 512], training=True, threads=[2, 4]
    )
    unlike = {name for name, value in panel.args.to_dict().items() if value != expected.to_dict()[name]}
    assert not unlike - {*expected.csv_file_fields(), "log_filename"}  # these carry the time


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("batch_sizes", "1, x", "batch_sizes=&#x27;1, x&#x27; cannot be used: batch_sizes must be whole numbers"),
        ("batch_sizes", "0", "batch_sizes=[0] cannot be used"),
        ("batch_sizes", "", "batch_sizes=[] cannot be used"),
        ("sequence_lengths", "8 8", "without duplicates"),
        ("threads", "two", "threads must be whole numbers"),
        ("batch_sizes", "8-500", "cannot be used: 8-500 is not a range: doubling 8 gives 256 and 512"),
        ("precision", "2", "precision must be a number above 0 and below 1"),
        ("max_seconds", "", "max_seconds must be a number"),
        ("device", "gpu", "device=&#x27;gpu&#x27; cannot be used"),
        ("python", "/no/python", "python must be the path of a Python interpreter that can be run"),
    ],
)
def test_a_wrong_value_is_named_at_its_field_and_run_is_off(make, name, text, message):
    panel = make(models=["gpt2"])
    before = only(panel, f"field-{name}").value
    assert can_run(panel)
    write(panel, name, text)
    (shown,) = said(panel)
    assert message in shown
    assert "hfbench-wrong" in only(panel, f"field-{name}")._dom_classes
    assert not can_run(panel)
    assert [area.value for area in find(panel, "code")] == ["", "", ""]
    write(panel, name, before)
    assert said(panel) == []
    assert can_run(panel)


def test_what_contradicts_each_other_is_marked_and_said_once(make):
    panel = make(models=["gpt2"])
    assert not only(panel, "advanced").is_open
    write(panel, "fp16", True)
    write(panel, "dtype", "bfloat16")
    assert len(said(panel)) == 1
    wrong = [name for name in ("fp16", "dtype", "cuda") if "hfbench-wrong" in only(panel, f"field-{name}")._dom_classes]
    assert wrong == ["fp16", "dtype"]
    assert only(panel, "advanced").is_open
    assert not can_run(panel)
    write(panel, "fp16", False)
    assert can_run(panel)


def test_two_wrong_fields_are_both_named(make):
    panel = make(models=["gpt2"])
    write(panel, "batch_sizes", "x")
    write(panel, "threads", "y")
    assert len(said(panel)) == 2


def test_every_wrong_field_shows_its_own_message(make):
    panel = make(models=["gpt2"])
    for name, text in (("batch_sizes", "0"), ("sequence_lengths", "8 8"), ("rounds", "0"), ("threads", "y")):
        write(panel, name, text)
    messages = said(panel)
    assert len(messages) == 4
    for name in ("batch_sizes=", "sequence_lengths=", "rounds=", "threads="):
        assert sum(name in message for message in messages) == 1


def test_every_argument_has_a_control_with_its_help(make):
    panel = make(models=["gpt2"])
    for kind in (PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments):
        for found in dataclasses.fields(kind):
            if found.name != "models":
                control = only(panel, f"field-{found.name}")
                hover = control.tooltip if control.has_trait("tooltip") else control.description_tooltip
                shown = [help_.value for help_ in find(panel, f"help-{found.name}")] or [hover]
                assert found.metadata["help"][:30] in shown[0].replace("&#x27;", "'"), found.name


def test_each_framework_has_its_own_arguments(make):
    panel = make(models="gpt2", framework="tensorflow", use_xla=True)  # as `measure` and the shell write it
    assert panel.args.use_xla
    only(panel, "framework").value = "PyTorch"
    assert isinstance(panel.args, PyTorchBenchmarkArguments)
    shown = {group.children[0].value: group.layout.display for group in find(panel, "group")}
    assert (shown["<h4>PyTorch</h4>"], shown["<h4>TensorFlow</h4>"]) == ("", "none")


def test_what_concerns_a_task_alone_is_shown_with_it(make):
    panel = make(models=["gpt2"])
    only(panel, "advanced").is_open = True
    generation = ("field-new_tokens", "field-cache_implementation")
    training = ("field-optimizer", "field-lora_rank", "field-train_time_csv_file")
    assert not any(shown(panel, name) for name in (*generation, *training))
    assert shown(panel, "field-inference_time_csv_file")
    write(panel, "new_tokens", "many")
    assert said(panel) == []  # what is not shown does not count
    assert can_run(panel)
    only(panel, "field-generation").value = True
    assert all(shown(panel, name) for name in generation)
    assert "new_tokens must be" in said(panel)[0]
    write(panel, "new_tokens", "8, 16")
    assert panel.args.new_tokens == [8, 16]
    only(panel, "field-generation").value = False
    only(panel, "field-training").value = True
    only(panel, "field-inference").value = False
    assert all(shown(panel, name) for name in training)
    assert not shown(panel, "field-inference_time_csv_file")
    only(panel, "framework").value = "TensorFlow"
    assert not shown(panel, "field-optimizer")
    assert shown(panel, "field-train_time_csv_file")


def test_arguments_can_be_given_to_start_with(make):
    args = TensorFlowBenchmarkArguments(models=["gpt2:n_layer=2"], eager_mode=True, threads=3, python=None, seed=7)
    panel = make(args)
    assert panel.args.to_dict() | dict.fromkeys(args.csv_file_fields()) | {"log_filename": ""} == (
        args.to_dict() | dict.fromkeys(args.csv_file_fields()) | {"log_filename": ""}
    )
    for wrong in ({"batch_sizes": [0]}, {"framework": "JAX"}):
        with pytest.raises(ArgumentError):
            make(**wrong)
    with pytest.raises(ArgumentError, match="args and seed were given"):
        make(args, seed=1)


def test_reset_shows_what_was_there_at_first(make):
    panel = make(models=["gpt2"], batch_sizes=[3], threads=2)
    before = panel.args.to_dict()
    write(panel, "batch_sizes", "1, x")
    write(panel, "threads", "")
    write(panel, "log_filename", "mine.csv")
    only(panel, "framework").value = "TensorFlow"
    find(panel, "model")[0].value = "nonsense"
    only(panel, "add-model").click()
    only(panel, "reset").click()
    after = panel.args.to_dict()
    carry_time = {*panel.args.csv_file_fields(), "log_filename"}
    assert {k: v for k, v in after.items() if k not in carry_time} == {
        k: v for k, v in before.items() if k not in carry_time
    }
    assert after["log_filename"] != "mine.csv"
    assert said(panel) == []
