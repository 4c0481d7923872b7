"""The control panel: its form, its runs, and what stays in the notebook."""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import shlex
import threading
import time

import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from support.kernels import execute
from support.places import TESTS
from support.processes import runs, wait_until
from support.tiny import TINY
from support.widgets import find, shown

import hfbench_nb
from hfbench_nb import ArgumentError, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments, load_results
from hfbench_nb.arguments.fields import option
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.configurations import lookup
from hfbench_nb.execution.servers import close_all
from hfbench_nb.frontends import options
from hfbench_nb.frontends.widgets import model_list
from hfbench_nb.frontends.widgets.background import current_run

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


@pytest.fixture
def model(model):
    return str(model)


@pytest.fixture
def make(model):
    """Make panels, and end what they have begun."""
    made = []

    def make_panel(*args, **values):
        made.append(hfbench_nb.panel(*args, **values))
        return made[-1]

    yield make_panel
    for panel in made:
        panel.close()
    assert wait_until(lambda: current_run() is None)


@pytest.fixture
def quick(make, model):
    """A panel whose run is over quickly, but for a case that fails."""
    return make(models=[model], batch_sizes=[1], sequence_lengths=[8, 16, 128], max_seconds=0.05, rounds=1)


@pytest.fixture
def slow(make, model):
    """A panel whose run takes an hour."""
    return make(
        models=[model],
        batch_sizes=[1],
        sequence_lengths=[8, 16],
        max_seconds=3600.0,
        rounds=1,
        repeat=10**9,
        memory=False,
    )


def only(panel, name):
    (found,) = find(panel, name)
    return found


def write(panel, name, text):
    only(panel, f"field-{name}").value = text


def said(panel):
    """Return the messages about wrong values that are shown."""
    return [message.value for message in find(panel, "message") if message.layout.display != "none"]


def status(panel):
    return only(panel, "status").text


def can_run(panel):
    return not only(panel, "run").disabled


def wait_for_the_end(panel, limit_s):
    """Wait until the run is over and the panel shows so."""
    assert wait_until(lambda: current_run() is None and can_run(panel), limit_s)


def run_to_its_end(panel):
    only(panel, "run").click()
    wait_for_the_end(panel, 60.0)


def needs(panel):
    return only(panel, "needs").value


# ---- the form


def test_a_fresh_panel_can_run_at_once_and_says_how_much_that_is(make):
    panel = make()
    assert can_run(panel)
    assert len(panel.args.models) == 1
    assert len(panel.args.batch_sizes) == 1
    assert len(panel.args.sequence_lengths) == 3
    assert status(panel).startswith("3 cases in 6 rounds: 18 measurements, about ")
    write(panel, "batch_sizes", "1, 2")
    write(panel, "rounds", "1")
    assert status(panel).startswith("6 cases, about ")
    assert make(batch_sizes=[4]).args.batch_sizes == [4]


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


def test_every_argument_has_a_control_with_its_help(make):
    panel = make(models=["gpt2"])
    for kind in (PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments):
        for found in dataclasses.fields(kind):
            if found.name != "models":
                control = only(panel, f"field-{found.name}")
                hover = control.tooltip if control.has_trait("tooltip") else control.description_tooltip
                shown = [help_.value for help_ in find(panel, f"help-{found.name}")] or [hover]
                assert found.metadata["help"][:30] in shown[0].replace("&#x27;", "'"), found.name


@pytest.fixture
def replace_arguments():
    """Let another dataclass stand for PyTorch's arguments."""
    before = FRAMEWORKS["PyTorch"]

    def replace(kind):
        FRAMEWORKS.register(dataclasses.replace(before, arguments=kind), replace=True)

    yield replace
    FRAMEWORKS.register(before, replace=True)


def test_a_new_argument_appears_by_itself(make, replace_arguments):
    @dataclasses.dataclass(kw_only=True)
    class Newer(PyTorchBenchmarkArguments):
        turns: int | None = option(None, "Turns of the sweep.")

    replace_arguments(Newer)
    panel = make(models=["gpt2"])
    write(panel, "turns", "3")
    assert panel.args == dataclasses.replace(panel.args, turns=3)


def test_a_type_without_a_control_is_refused(make, replace_arguments):
    @dataclasses.dataclass(kw_only=True)
    class Newer(PyTorchBenchmarkArguments):
        odd: complex = option(1j, "Odd.")

    replace_arguments(Newer)
    with pytest.raises(TypeError, match="odd: there is no control for values of type complex"):
        make()


def test_an_axis_takes_one_value_or_several(make):
    panel = make(models=["gpt2"], dtype=["float32", "bfloat16"])
    assert only(panel, "field-dtype").value == "float32, bfloat16"
    write(panel, "dtype", "bfloat16")
    write(panel, "threads", "1, 2")
    only(panel, "field-torchscript").value = (False, True)
    assert (panel.args.dtype, panel.args.threads, panel.args.torchscript) == ("bfloat16", [1, 2], [False, True])
    write(panel, "dtype", "bfloat16, float8")
    with pytest.raises(ArgumentError):
        _ = panel.args
    assert "dtype=" in only(panel, "help-dtype").value or any("float8" in m.value for m in find(panel, "message"))


def test_what_the_largest_case_needs_is_said_before_it_runs(make, model):
    panel = make(models=[model], batch_sizes=[1, 2], sequence_lengths=[8, 16])
    assert wait_until(lambda: "which fits this machine" in needs(panel), 60.0)
    assert "inference, batch size 2, sequence length 16 needs about" in needs(panel)
    assert 'role="status"' in needs(panel)
    find(panel, "model")[0].value = "gpt2"
    write(panel, "batch_sizes", "4, 4096")
    assert needs(panel) == '<span role="status"></span>'
    write(panel, "sequence_lengths", "1024")
    assert wait_until(lambda: "it would run out of memory" in needs(panel), 60.0)
    assert "gpt2, inference, batch size 4096, sequence length 1024" in needs(panel)
    assert "hfbench-warning" in only(panel, "needs")._dom_classes
    only(panel, "framework").value = "TensorFlow"
    assert only(panel, "needs").layout.display == "none"


def test_the_largest_size_that_fits_is_found_by_a_button(make, model):
    panel = make(models=[model], batch_sizes=[1], sequence_lengths=[8])
    write(panel, "limit_mb", "-1")
    only(panel, "find-largest").click()
    assert "limit_mb=-1.0 cannot be used" in said(panel)[0]
    write(panel, "limit_mb", "")
    write(panel, "maximum", "4")
    only(panel, "find-largest").click()
    assert said(panel) == []
    assert only(panel, "find-largest").disabled
    wait_for_the_end(panel, 60.0)
    assert panel.results.largest.frame["batch_size"].tolist() == [4]
    assert "Largest batch size within" in only(panel, "table").value


def test_where_the_run_is_kept_is_part_of_the_code(make, tmp_path):
    panel = make(models=["gpt2"])
    write(panel, "folder", str(tmp_path))
    assert f"--folder {tmp_path}" in only(panel, "code-shell").value
    assert f".run(folder='{tmp_path}')" in only(panel, "code-python").value


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


def test_the_code_gives_the_same_arguments_back(make, tmp_path):
    odd = tmp_path / "it's {my} $HOME"
    odd.mkdir()
    (odd / "config.json").write_text(json.dumps(TINY["bert"]))
    panel = make(models=[f"{odd}:hidden_act=relu"], batch_sizes=[1, 2], memory=False, log_filename="a b")
    names = {}
    exec(only(panel, "code-python").value.partition("results = ")[0], names)
    words = shlex.split(only(panel, "code-shell").value)[1:]
    for args in (names["args"], options.parse(words).arguments):
        ours = panel.args
        assert (args.models, args.batch_sizes, args.memory, args.log_filename) == (
            ours.models, ours.batch_sizes, ours.memory, ours.log_filename,
        )  # fmt: skip
        assert type(args) is type(ours)
    assert only(panel, "code-magic").value.startswith("%load_ext hfbench\n%hfbench pytorch --models ")


# ---- runs


def test_a_run_fills_the_tabs(quick):
    run_to_its_end(quick)
    assert list(quick.results.frame["status"]) == ["ok", "ok", "error"]
    assert "<table" in only(quick, "table").value
    assert 'src="data:image/png;base64,' in only(quick, "curves").value
    assert "python_version" in only(quick, "environment").value
    log = only(quick, "log").value
    assert "3 of 3: " in log
    assert "beyond the 64 positions" in log
    assert status(quick).startswith("3 of 3 cases in ")
    assert (only(quick, "progress").done, only(quick, "progress").total) == (3, 3)
    assert can_run(quick)
    assert only(quick, "stop").disabled
    first = quick.results
    run_to_its_end(quick)
    assert quick.results is not first
    assert len(quick.results.entries) == 3


def test_the_line_of_status_is_about_what_the_form_shows(quick):
    run_to_its_end(quick)
    assert status(quick).startswith("3 of 3 cases in ")
    assert status(quick).endswith(", 1 failed.")
    bar = only(quick, "progress")
    assert (bar.done, bar.total, bar.kind) == (3, 3, "partly")
    assert 'role="progressbar"' in bar.value
    assert 'aria-valuenow="3"' in bar.value
    assert 'role="status"' in only(quick, "status").value
    before = only(quick, "field-batch_sizes").value
    write(quick, "batch_sizes", "1, 2")
    assert status(quick).startswith("6 cases, about ")
    assert bar.kind == ""
    write(quick, "batch_sizes", before)
    assert status(quick).startswith("3 of 3 cases in ")
    only(quick, "reset").click()
    assert status(quick).startswith("3 cases, about ")
    assert (bar.done, bar.kind) == (0, "")


def test_a_run_in_which_all_failed_has_the_colour_of_failure(make, model):
    panel = make(models=[model], batch_sizes=[1], sequence_lengths=[100, 128], max_seconds=0.05, rounds=1)
    run_to_its_end(panel)
    assert status(panel).endswith("2 failed.")
    assert '<span class="hfbench-failed">2 failed</span>' in only(panel, "status").value
    assert only(panel, "progress").kind == "failed"
    assert only(panel, "part-failures").button.description == "2 failed: why"
    assert only(panel, "part-failures").is_open


def test_a_run_that_cannot_begin_leaves_the_results_of_the_run_before(quick):
    run_to_its_end(quick)
    before = quick.results
    assert len(before.entries) == 3
    write(quick, "device", "cuda")
    run_to_its_end(quick)
    assert quick.results.entries == before.entries
    assert "<table" in only(quick, "table").value
    assert "cuda" in status(quick)
    assert status(quick).endswith("Below is the run before.")
    write(quick, "device", "cpu")
    run_to_its_end(quick)
    assert quick.results.entries != before.entries
    assert status(quick).startswith("3 of 3 cases in ")


def test_what_was_unfolded_stays_so_while_rows_arrive(quick):
    run_to_its_end(quick)
    reasons, text = only(quick, "part-failures"), only(quick, "part-copy")
    assert reasons.button.description == "1 case without a value: why"
    assert not reasons.is_open
    text.is_open = True
    run_to_its_end(quick)
    assert (reasons.is_open, text.is_open) == (False, True)
    assert shown(quick, "part-copy")
    assert find(quick, "part-environment") == []  # it has a tab of its own


def test_results_are_exported_and_named(quick, tmp_path):
    assert only(quick, "exports").layout.display == "none"
    run_to_its_end(quick)
    assert only(quick, "exports").layout.display == ""
    assert f"hfbench_nb.load_results({str(quick.results.folder)!r})" in html.unescape(only(quick, "results-name").value)
    folder = tmp_path / "kept <here>"
    only(quick, "export-folder").value = str(folder)
    for name, file in (("csv", "inference_time.csv"), ("markdown", "results.md"), ("save", "results.jsonl")):
        only(quick, f"export-{name}").click()
        assert html.escape(str(folder / file)) in only(quick, "written").value
        assert (folder / file).is_file()
    assert load_results(folder).frame["status"].tolist() == ["ok", "ok", "error"]
    run_to_its_end(quick)
    only(quick, "export-save").click()
    assert "overwrite" in said(quick)[0]  # the results of another run stay


def test_an_earlier_run_is_opened_and_resumed(quick, make, model):
    run_to_its_end(quick)
    folder = str(quick.results.folder)
    panel = make(models=["gpt2"], dtype="bfloat16")
    only(panel, "earlier").is_open = True
    runs_listed = only(panel, "earlier-list")
    assert runs_listed.options[0][1] == folder
    assert runs_listed.options[0][0].endswith("3 cases, 1 failed")
    only(panel, "open").click()
    assert status(panel).startswith("An earlier run: 3 cases, 1 failed.")
    assert list(panel.results.frame["status"]) == ["ok", "ok", "error"]
    assert "<table" in only(panel, "table").value
    assert (panel.args.models, panel.args.sequence_lengths, panel.args.dtype) == ([model], [8, 16, 128], "float32")
    only(panel, "resume").click()
    wait_for_the_end(panel, 60.0)
    assert status(panel).startswith("3 of 3 cases in ")
    assert "2 of them kept from before" in status(panel)
    assert str(panel.results.folder) == folder


def test_a_new_panel_shows_the_run_that_goes_on(slow, make):
    only(slow, "run").click()
    assert wait_until(lambda: "timing" in status(slow), 60.0)
    again = make(models=["gpt2"])
    assert "timing" in status(again)
    assert only(again, "progress").kind == "running"
    assert not can_run(again)
    only(again, "stop").click()
    wait_for_the_end(again, 20.0)
    assert status(again) == status(slow)
    assert status(again).startswith("Stopped: 0 of 2 cases")
    assert again.results.frame.equals(slow.results.frame)


def test_a_reloaded_page_is_told_how_results_stay_in_the_notebook(quick, ip):
    quick._ipython_display_()
    run_to_its_end(quick)
    quick.widget.get_state()  # as a page asks that does not know the widgets
    write(quick, "max_seconds", "0.06")
    write(quick, "max_seconds", "0.05")
    assert "reloaded" not in status(quick)  # the notebook holds these results
    run_to_its_end(quick)
    assert status(quick).endswith("run the panel's cell again before you save. It shows these results again.")
    quick._ipython_display_()
    run_to_its_end(quick)
    assert "reloaded" not in status(quick)


def test_a_panel_whose_cell_is_run_again_shows_the_same_results(quick, make, model):
    write(quick, "sequence_lengths", "8")
    run_to_its_end(quick)
    again = make(models=[model], batch_sizes=[1], sequence_lengths=[8, 16, 128], max_seconds=0.05, rounds=1)
    assert again.results.frame.equals(quick.results.frame)
    assert again.args.sequence_lengths == [8]
    assert status(again) == status(quick)
    for name in ("table", "curves", "log"):
        assert only(again, name).value == only(quick, name).value
    assert make(models=[model]).results is None  # another panel
    only(again, "reset").click()
    assert again.args.sequence_lengths == [8, 16, 128]


def test_what_the_page_says_stays_in_the_thread_that_it_chose(make, monkeypatch):
    """ipykernel 7.4 sends it to the thread in which the widget was changed last, unless it is told otherwise."""

    comm = pytest.importorskip("comm")  # not with ipywidgets 7, where the kernel has no such threads

    class Comm(comm.DummyComm):
        def _reply_subshell_for(self, data, default):
            return "that of the cells"

    monkeypatch.setattr(comm, "create_comm", lambda **given: Comm(**given))
    panel = make(models=["gpt2"])
    only(panel, "add-model").click()
    names = find(panel, "model")
    assert len(names) == 2
    for widget in (*names, only(panel, "run"), only(panel, "field-threads")):
        assert widget.comm._reply_subshell_for({}, "the page's") == "the page's"


def test_the_panel_says_what_it_needs_where_there_are_no_widgets(make):
    assert "needs Jupyter" in make()._repr_html_()


def test_the_table_grows_while_other_code_runs(make, model):
    panel = make(
        models=[model], batch_sizes=[1], sequence_lengths=[8, 16, 32, 64], max_seconds=0.3, rounds=1, precision=1e-9
    )
    seen = []
    only(panel, "run").click()
    assert not can_run(panel)
    while current_run() is not None:  # this thread is as free as a kernel
        seen.append((only(panel, "table").value.count("title="), status(panel)))
        time.sleep(0.02)
    assert len({count for count, _ in seen}) > 2
    assert any("sequence length 32" in text and "left" in text for _, text in seen)


def test_stop_ends_the_measurement_soon_and_keeps_what_is_finished(slow):
    write(slow, "repeat", "1")
    write(slow, "max_seconds", "0.05")
    run_to_its_end(slow)  # the server runs now
    write(slow, "repeat", str(10**9))
    write(slow, "max_seconds", "3600")
    only(slow, "run").click()
    assert wait_until(lambda: "timing" in status(slow), 30.0)
    start = time.monotonic()
    only(slow, "stop").click()
    wait_for_the_end(slow, 20.0)
    assert time.monotonic() - start < 10.0
    assert list(slow.results.frame["status"]) == ["cancelled"]
    assert status(slow).startswith("Stopped: 0 of 2 cases")


def test_stop_keeps_the_finished_cases(make, model):
    panel = make(
        models=[model], batch_sizes=[1], sequence_lengths=[8, 16, 32, 64], max_seconds=1.0, rounds=1, precision=1e-9
    )
    only(panel, "run").click()
    assert wait_until(lambda: status(panel).startswith("2 of 4"), 60.0)
    only(panel, "stop").click()
    wait_for_the_end(panel, 20.0)
    assert list(panel.results.frame["status"])[:2] == ["ok", "ok"]
    assert len(panel.results.entries) < 4


def test_stop_ends_a_run_that_has_only_just_begun(slow):
    close_all()
    only(slow, "run").click()
    start = time.monotonic()
    only(slow, "stop").click()
    wait_for_the_end(slow, 20.0)
    assert time.monotonic() - start < 10.0
    assert slow.results is None


def test_one_run_a_kernel_and_every_panel_can_stop_it(slow, quick):
    only(slow, "run").click()
    assert not can_run(quick)
    assert status(quick) == "Another panel of this kernel is measuring: Stop ends that run."
    only(quick, "run").click()  # as if it came before the button was off
    assert quick.results is None
    only(quick, "stop").click()
    assert wait_until(lambda: can_run(quick), 20.0)
    assert wait_until(lambda: can_run(slow), 3.0)
    run_to_its_end(quick)
    assert len(quick.results.entries) == 3


def test_a_run_that_cannot_begin_says_why(make, model):
    panel = make(models=[model], device="cuda:7", batch_sizes=[1], sequence_lengths=[8])
    run_to_its_end(panel)
    assert "PyTorch cannot be used" in status(panel)
    assert can_run(panel)


def test_no_thread_is_left(quick, slow):
    run_to_its_end(quick)
    only(slow, "run").click()
    slow.close()
    assert wait_until(
        lambda: not [t for t in threading.enumerate() if t.name in ("hfbench-run", "hfbench-clock")], 20.0
    )
    assert slow.widget.comm is None


def test_in_the_calling_process_stop_ends_the_case_at_its_next_step(slow):
    write(slow, "multi_process", False)
    write(slow, "repeat", "1")
    write(slow, "precision", "1e-9")
    only(slow, "run").click()
    assert wait_until(lambda: "timing" in status(slow), 60.0)
    only(slow, "stop").click()
    wait_for_the_end(slow, 10.0)
    assert list(slow.results.frame["status"]) == ["cancelled"]


def test_names_are_escaped(make, tmp_path):
    bad = tmp_path / "<script>alert(1)<"
    bad.mkdir()
    (bad / "config.json").write_text(json.dumps(TINY["bert"]))
    panel = make(models=[str(bad)], batch_sizes=[1], sequence_lengths=[8, 128], max_seconds=0.05, rounds=1)
    run_to_its_end(panel)
    for name in ("table", "environment", "log", "status"):
        assert "<script>" not in only(panel, name).value


# ---- in a notebook


def test_a_saved_notebook_has_the_last_results_beside_the_widgets(model):
    started_early = (
        "import time\nfrom hfbench_nb.execution.servers import _servers\n"
        "while not any(server._process for server in _servers.values()): time.sleep(0.05)"
    )
    panel, fresh, *_, waited, _, _, again = execute(
        f"import hfbench_nb\np = hfbench_nb.panel(models=[{model!r}], batch_sizes=[1], sequence_lengths=[8], "
        "max_seconds=0.05, rounds=1)\np",
        "%load_ext hfbench\n%hfbench_panel",
        started_early,
        "p._controls.run.click()",
        "import time\nwhile p.results is None or not p.results.entries or p._controls.run.disabled: time.sleep(0.05)",
        "print(len(p.results.entries))",
        "first = p.results.folder; p._form.fields['sequence_lengths'].value = '8, 16'; p._controls.run.click()",
        "while p._controls.run.disabled: time.sleep(0.05)",
        "print(len(p.results.entries)); p._on_open(first, hfbench_nb.load_results(first))",
    )
    widget, static = panel
    assert "application/vnd.jupyter.widget-view+json" in widget.data
    assert widget.data["text/plain"] == "hfbench_nb control panel (needs a live notebook)"
    assert "<table" in static.data["text/html"]
    start = static.data["text/html"].partition("data:image/png;base64,")[2]
    assert base64.b64decode(start.partition('"')[0]).startswith(b"\x89PNG")
    assert "INFERENCE - SPEED - RESULT" in static.data["text/plain"]
    assert "needs a live notebook" in fresh[1].data["text/html"]
    assert "Measured by the control panel, 20" in static.data["text/html"]
    assert (waited[0].text, again[0].text) == ("1\n", "2\n")
    assert " 16 " not in static.data["text/plain"]  # the earlier run was opened last


PANEL_CELL = """
from support.widgets import find
import hfbench_nb
panel = hfbench_nb.panel(
    models=[{model!r}], batch_sizes=[1], sequence_lengths=[8], max_seconds=3600.0, rounds=1, repeat=10**9, memory=False
)
find(panel, "run")[0].click()
panel
"""


def test_a_panel_whose_cell_is_run_again_and_whose_kernel_restarts_leaves_no_process(model):
    manager, kernel = start_new_kernel(cwd=TESTS)
    try:
        process = psutil.Process(manager.provisioner.pid)

        def measures():
            """Tell whether the server, the model type's server and the worker stay; an estimate ends."""
            found = process.children(recursive=True)
            time.sleep(0.5)
            return len(found) == 3 and process.children(recursive=True) == found

        kernel.execute(PANEL_CELL.format(model=model), reply=True, timeout=60)
        assert wait_until(measures, 30.0)
        kernel.execute(PANEL_CELL.format(model=model), reply=True, timeout=60)
        time.sleep(0.5)
        before = process.children(recursive=True)
        assert len(before) == 3
        manager.restart_kernel(now=False)
        assert wait_until(lambda: not any(runs(child.pid) for child in before), 2.0)
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)


def test_the_magic_takes_no_options(ip):
    from IPython.core.error import UsageError

    with pytest.raises(UsageError, match="takes no options"):
        ip.run_line_magic("hfbench_panel", "pytorch")
