"""The magics of every command, and finding one's way among them, in a real IPython shell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.display import Image

from hfbench_nb import Comparison, read_csv

pytestmark = pytest.mark.shows


def test_every_command_of_the_shell_has_a_value(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("times.csv").write_text("model,batch_size,sequence_length,result\na,1,8,0.1\na,1,16,0.2\n")
    assert isinstance(shell.run_line_magic("hfbench", "plot --csv_file times.csv --is_time"), Image)
    results = read_csv("times.csv")
    results.save("one")
    results.save("other")
    assert isinstance(shell.run_line_magic("hfbench", "compare one other"), Comparison)
    assert "gpt2" in set(shell.run_line_magic("hfbench", "models gpt2 -o listed")["model"].str.rpartition("/")[2])
    assert "family" in shell.user_ns["listed"]
    assert list(shell.run_line_magic("hfbench", "runs"))[:2] == ["folder", "written"]
    (environment,) = shell.run_line_magic("hfbench", "env pytorch")
    assert environment["framework"] == "PyTorch"


def test_compare_prints_where_a_form_or_a_limit_is_asked_for(shell, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("times.csv").write_text("model,batch_size,sequence_length,result\na,1,8,0.1\n")
    read_csv("times.csv").save("one")
    assert shell.run_line_magic("hfbench", "compare one one --format json") is None
    assert '"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "found", "others"),
    [
        ("%hfbench py", {"pytorch"}, {"tensorflow"}),
        ("r = %hfbench pytorch --batch", {"--batch_sizes"}, {"--models"}),
        ("x = 1\n%hfbench pytorch --batch-", {"--batch-sizes"}, set()),
        ("%hfbench pytorch --models gpt2 google-bert/", {"google-bert/bert-base-uncased"}, {"gpt2"}),
        ("%hfbench tensorflow --models distil", {"distilgpt2"}, {"gpt2"}),
        ("%hfbench pytorch --optimizer ada", {"adafactor", "adamw"}, {"sgd"}),
        ("%hfbench pytorch --dtype=bf", {"bfloat16"}, set()),
        ("%hfbench_env ten", {"tensorflow"}, set()),
        ("%hfbench_estimate --budget_de", {"--budget_device"}, set()),
        ("%%hfbench --na", {"--name"}, set()),
        ("%%hfbench -", {"-o", "-q", "--help"}, {"--models"}),
    ],
)
def test_tab_completes_commands_options_and_values(shell, line, found, others):
    with provisionalcompleter():
        offered = {completion.text for completion in shell.Completer.completions(line, len(line))}
    assert found <= offered
    assert not offered & others


def test_help_says_what_the_notebook_adds_and_groups_the_options(shell, capsys):
    shell.run_line_magic("hfbench", "pytorch --help")
    text = capsys.readouterr().out
    assert text.startswith("usage: %hfbench pytorch")
    assert re.search(r"In the notebook:\n +-o NAME .*\n +-q ", text)
    assert re.search(r"Sizes:\n +--batch_sizes", text)
    assert "Where to measure:" in text


def test_a_measured_cell_may_be_empty_when_help_is_asked_for(shell, capsys):
    shell.run_cell("%%hfbench --help").raise_error()
    assert "-o NAME" in capsys.readouterr().out
    shell.run_cell("%%hfbench --name x\n  \n")
    assert "The cell is empty: write the code to measure below its first line." in "".join(capsys.readouterr())
