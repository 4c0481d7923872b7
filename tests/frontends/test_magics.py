"""The magics, in a real IPython shell."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import re
import threading

import pytest
from IPython.core.error import UsageError

from hfbench_nb import BenchmarkResults, measure
from hfbench_nb.execution.servers import WorkerServer
from hfbench_nb.frontends.commands import FunctionOptions

pytestmark = pytest.mark.shows

BRIEF = "--max_seconds 0.05"
SHORT = f"--sequence_lengths 8 --rounds 1 {BRIEF}"


def row(results):
    assert isinstance(results, BenchmarkResults)
    return results.frame.iloc[0]


# ---- models


def test_the_magic_returns_results(shell, model):
    results = shell.run_line_magic("hfbench", f"pytorch --models {model} {SHORT}")
    assert list(results.frame["status"]) == ["ok"]


def test_variables_and_expressions_expand_and_lists_become_words(shell, model):
    shell.push({"folders": [str(model)], "length": 8, "sizes": range(1, 3)})
    shell.run_cell(
        "results = %hfbench pytorch --models $folders --batch_sizes {sizes} --sequence_lengths {2 * length} "
        "--max_seconds {1 / 20} --rounds 1"
    ).raise_error()
    frame = shell.user_ns["results"].frame
    assert list(frame["model"]) == [str(model)] * 2
    assert list(frame["batch_size"]) == [1, 2]
    assert list(frame["sequence_length"]) == [16, 16]


def test_variables_of_a_function_expand(shell, model):
    shell.run_cell(
        f"def run(folder):\n    return get_ipython().run_line_magic('hfbench', 'pytorch --models $folder {SHORT}')\n"
        f"results = run({str(model)!r})"
    ).raise_error()
    assert row(shell.user_ns["results"])["model"] == str(model)


def test_a_name_that_is_not_there_cannot_expand(shell):
    with pytest.raises(UsageError, match="pytorch --models .nowhere: cannot be expanded: NameError"):
        shell.run_line_magic("hfbench", "pytorch --models $nowhere")


def test_results_go_to_a_variable_quietly(shell, model, capsys):
    assert shell.run_line_magic("hfbench", f"pytorch --models {model} {SHORT} -o mine -q") is None
    assert list(shell.user_ns["mine"].frame["status"]) == ["ok"]
    assert capsys.readouterr() == ("", "")
    returned = shell.run_line_magic("hfbench", f"-o mine pytorch --models {model} {SHORT}")
    assert shell.user_ns["mine"] is returned


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pytorch --models", "models=[] cannot be used: models must be a name, or a list with at least"),
        ("pytorch --batchsizes 3", "unrecognized arguments: --batchsizes 3. Did you mean --batch_sizes?"),
        ("jax --models a", "%hfbench jax: the first word must be one of pytorch, tensorflow, estimate, fit, plot,"),
        ("torch --models a", "runs, env, overlay. Did you mean pytorch?"),
        ("-o mine", "the first word must be one of pytorch, tensorflow"),
        ("plot --csv_file x", "x cannot be read as CSV"),
        ("pytorch --models 'a", "No closing quotation"),
        ("pytorch --models a -q", "-q shows nothing: keep the value with -o NAME."),
        ("pytorch --models a -o 3", "-o 3: not a valid name of a variable."),
        ("pytorch --models a -o", "expected one argument"),
        ("pytorch --models no/such-model-anywhere", "no/such-model-anywhere"),
    ],
)
def test_misuse_is_one_clear_error(shell, line, message):
    with pytest.raises(UsageError) as raised:
        shell.run_line_magic("hfbench", line)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_misuse_shows_no_traceback(shell, capsys):
    shell.run_cell("%hfbench pytorch --models a -q\nafter = 1")
    shown = "".join(capsys.readouterr())
    assert "Traceback" not in shown
    assert "UsageError: -q shows nothing" in shown
    assert "after" not in shell.user_ns


def test_help_ends_nothing(shell, capsys):
    assert shell.run_line_magic("hfbench", "pytorch --help") is None
    assert "--batch_sizes" in capsys.readouterr().out
    assert shell.run_cell_magic("hfbench", "--help", "pass") is None
    assert "--pass" in capsys.readouterr().out
    shell.run_cell("%%hfbench --help\npass\n").raise_error()
    capsys.readouterr()
    shell.run_cell("%hfbench?").raise_error()
    assert "--pass NAME" in capsys.readouterr().out


def test_an_interrupted_run_keeps_what_is_finished_and_says_where(shell, model, monkeypatch, capsys):
    one, calls = WorkerServer.measure, []

    def interrupted(self, *args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return one(self, *args)

    monkeypatch.setattr(WorkerServer, "measure", interrupted)
    shell.run_cell(f"%hfbench pytorch --models {model} --sequence_lengths 8 16 32 {BRIEF} -o kept")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line]
    folder = re.escape(repr(str(shell.user_ns["kept"].folder)))
    assert re.fullmatch(
        r"Interrupted: 0 of 3 cases are measured, 1 in part \(1 round\)\. What is measured is in the benchmark's "
        rf"\.results and in hfbench_nb\.load_results\({folder}\)\. run\(resume={folder}\) measures the rest\. "
        r"It is also in the variable kept\.",
        line,
    )
    assert list(shell.user_ns["kept"].frame["status"]) == ["ok", "cancelled"]


# ---- the code of a cell


def test_a_cell_is_measured(shell):
    found = row(shell.run_cell_magic("hfbench", BRIEF, "total = sum(range(1000))\n"))
    assert (found["model"], found["task"], found["status"]) == ("cell", "function", "ok")
    assert found["time_s"] > 0
    assert "total" not in shell.user_ns


def test_the_first_line_and_the_option_are_setup(shell):
    code = "assert (first, second) == ('a b', 2)\n"
    results = shell.run_cell_magic("hfbench", f"{BRIEF} --setup 'second = 2' first = 'a b'", code)
    assert row(results)["error"] == ""


def test_what_setup_costs_is_no_part_of_the_figures(shell):
    line = f"{BRIEF} import time; time.sleep(0.3); data = b'x' * (64 << 20)"
    found = row(shell.run_cell_magic("hfbench", line, "len(data)"))
    assert found["time_s"] < 0.1
    assert found["baseline_mb"] > 64
    assert found["working_mb"] < 1


def test_the_cell_may_change_what_setup_made(shell):
    code = "total += 1\nassert total > 0\nlocal = '''a\n b'''\nassert len(local) == 4\n"
    assert row(shell.run_cell_magic("hfbench", f"{BRIEF} total = 0", code))["error"] == ""


def test_variables_are_sent_along(shell):
    shell.push({"data": [3, 1, 2], "power": 2})
    code = "assert sorted(data)[-1] ** power == 9"
    assert row(shell.run_cell_magic("hfbench", f"--pass data --pass power {BRIEF}", code))["error"] == ""


def test_variables_that_were_not_sent_are_named(shell):
    shell.push({"data": [3, 1, 2]})
    with pytest.raises(UsageError, match="does not see data of the notebook: send what .*--pass data"):
        shell.run_cell_magic("hfbench", "", "sorted(data)")


def test_a_failing_cell_is_a_row_and_shows_its_traceback(shell, capsys):
    results = shell.run_cell_magic("hfbench", BRIEF, "x = 1\ny = x / 0\n")
    assert row(results)["error"] == "ZeroDivisionError: division by zero"
    assert "    y = x / 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "cell", "message"),
    [
        ("", "x = = 1", "<measured cell>, line 1: invalid syntax"),
        ("x = = 1", "pass", "<set-up>, line 1: invalid syntax"),
        ("", "!ls", "<measured cell>, line 1"),
        ("--pass nowhere", "pass", "--pass nowhere: the notebook has no variable of this name."),
        (
            "--pass json --pass locked",
            "locked, json",
            "--pass locked: it cannot be sent: TypeError: cannot pickle '_thread.lock' object. Create it in the set",
        ),
        ("--precision 7", "pass", "precision=7.0 cannot be used"),
        ("--nonsense 1", "pass", "nonsense"),
        ("--framework jax", "pass", "framework='jax' cannot be used"),
        ("--no-speed --no_memory", "pass", "leave nothing to measure"),
    ],
)
def test_misuse_of_the_cell_magic_is_one_clear_error(shell, line, cell, message):
    shell.user_ns |= {"json": json, "locked": threading.Lock()}
    with pytest.raises(UsageError) as raised:
        shell.run_cell_magic("hfbench", line, cell)
    assert message in str(raised.value)


def test_options_of_the_cell_magic_are_those_of_measure():
    options = {f.name: f.default for f in dataclasses.fields(FunctionOptions)}
    parameters = inspect.signature(measure).parameters
    assert options.keys() - parameters.keys() == {"variables"}
    shared = options.keys() & parameters.keys() - {"name", "setup"}
    assert {name: options[name] for name in shared} == {name: parameters[name].default for name in shared}


def test_the_environment_magic_is_a_table_of_what_is_known(shell, monkeypatch):
    monkeypatch.setattr("platform.processor", lambda: "")  # as in many containers
    environments = shell.run_line_magic("hfbench_env", "pytorch")
    assert re.findall("- framework: (.*)", repr(environments)) == ["PyTorch"]
    html = environments._repr_html_()
    assert ">PyTorch</td>" in html
    assert "cpu_model" in html
    assert not re.search(r">cpu</th>|None</td>", html)


def test_a_warning_is_about_the_line_of_the_cell(shell, model, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    with pytest.warns(UserWarning, match="Results are kept in memory only") as warned:
        shell.run_cell(
            f"%hfbench pytorch --models {model} --sequence_lengths 8 --max_seconds 0.05 --rounds 1 -o kept -q"
        )
    assert "ipython-input" in warned[0].filename
