"""The control panel as a whole: what it starts with, what it can run, the code of it."""

from __future__ import annotations

import json
import shlex

import pytest
from support.tiny import TINY
from support.widgets import can_run, only, status, write

from hfbench_nb.frontends import options

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


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


def test_where_the_run_is_kept_is_part_of_the_code(make, tmp_path):
    panel = make(models=["gpt2"])
    write(panel, "folder", str(tmp_path))
    assert f"--folder {tmp_path}" in only(panel, "code-shell").value
    assert f".run(folder='{tmp_path}')" in only(panel, "code-python").value


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


def test_the_magic_takes_no_options(ip):
    from IPython.core.error import UsageError

    with pytest.raises(UsageError, match="takes no options"):
        ip.run_line_magic("hfbench_panel", "pytorch")
