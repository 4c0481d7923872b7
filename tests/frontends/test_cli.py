"""The console command, as a person runs it."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
import transformers
from support.places import TESTS
from support.tiny import TINY

from hfbench_nb import PyTorchBenchmarkArguments
from hfbench_nb.frontends import cli
from hfbench_nb.frontends.options import parse


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text(json.dumps(TINY["bert"]))
    return "tiny"


def test_the_originals_command_line(model, tmp_path, capsys):
    (tmp_path / "plots").mkdir()
    words = (
        f"pytorch --models {model} --batch_sizes 1 2 --sequence_lengths 8 16 --training --no_speed --save_to_csv "
        "--inference_memory_csv_file plots/required_memory.csv --env_info_csv_file plots/env.csv "
        "--train_memory_csv_file plots/train.csv --max_seconds 0.05 --rounds 1"
    )
    assert cli.main(words.split()) == 0
    out = capsys.readouterr().out
    assert out.count("MEMORY - RESULT") == 2
    assert "SPEED" not in out
    rows = (tmp_path / "plots" / "required_memory.csv").read_text().splitlines()
    assert rows[0] == "model,batch_size,sequence_length,result"
    assert [row.split(",")[:3] for row in rows[1:]] == [
        ["tiny", "1", "8"], ["tiny", "1", "16"], ["tiny", "2", "8"], ["tiny", "2", "16"],
    ]  # fmt: skip
    assert "configurations_from,{'tiny': 'directory'}" in (tmp_path / "plots" / "env.csv").read_text()

    words = "plot --csv_file plots/required_memory.csv --figure_png_file plots/memory.png --no_log_scale"
    assert cli.main([*words.split(), "--plot_along_batch", "--short_model_names", "t"]) == 0
    assert (tmp_path / "plots" / "memory.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("dash", ["_", "-"])
def test_every_field_is_an_option_and_every_flag_has_its_opposite(dash):
    flags = [f.name for f in dataclasses.fields(PyTorchBenchmarkArguments) if f.type == "bool"]
    off = [f"--no_{name}".replace("_", dash) for name in flags if name not in ("inference", "speed")]
    args = parse(["pytorch", "--models", "gpt2", *off]).arguments
    assert {name: getattr(args, name) for name in flags} == {name: name in ("inference", "speed") for name in flags}
    options = ["--threads", "2", "--max_seconds", "1", "--timeout_s", "9", "--device", "cpu", "--dtype", "bfloat16"]
    args = parse(["pytorch", "--models", "a", "b", *(word.replace("_", dash) for word in options)]).arguments
    assert (args.models, args.threads, args.max_seconds, args.timeout_s) == (["a", "b"], 2, 1.0, 9.0)
    assert (args.device, args.dtype) == ("cpu", "bfloat16")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("pytorch", "models=[] cannot be used"),
        ("pytorch --models gpt2 --batch_sizes 0", "batch_sizes=[0] cannot be used"),
        ("pytorch --models gpt2 --batch_sizes x", "--batch_sizes"),
        ("pytorch --models gpt2 --no_such_option", "no"),
        ("pytorch --models no-such-model", "'no-such-model' is not a directory"),
        ("plot --csv_file no-such-file.csv", "cannot be read as CSV"),
        ("nonsense", "nonsense"),
    ],
)
def test_misuse_ends_with_2_and_says_why(words, message, capsys):
    assert cli.main(words.split()) == 2
    shown = capsys.readouterr()
    assert message in " ".join(shown.err.split())
    assert shown.out == ""


def test_a_run_in_which_every_case_failed_ends_with_1(model, capsys):
    assert cli.main(f"pytorch --models {model} --sequence_lengths 9999 --max_seconds 0.05 --rounds 1".split()) == 1
    assert "N/A" in capsys.readouterr().out


def test_models_lists_the_catalogue(capsys):
    assert cli.main(["models"]) == 0
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if line.startswith("google-bert/bert-base-uncased "))
    assert line.split()[1:] == ["bert", "masked", "language", "model", "109,514,298", "418", "209", "512"]


@pytest.mark.parametrize("words", ["models bert-large", "models --search BERT-LARGE"])
def test_models_are_searched_by_a_part_of_the_name(words, capsys):
    assert cli.main(words.split()) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split()[0] == "Model"
    assert lines
    assert all("bert-large" in line.lower() for line in lines)


def test_a_search_that_finds_nothing_suggests_close_names(capsys):
    assert cli.main(["models", "bert-bsae"]) == 2
    assert "Did you mean" in capsys.readouterr().err


def test_env_names_the_versions(capsys):
    assert cli.main(["env", "pytorch"]) == 0
    out = capsys.readouterr().out
    assert out.count("- framework: ") == 1
    assert "- framework: PyTorch\n" in out
    assert "- cpu_model: " in out


def test_env_without_a_name_is_about_every_framework_that_is_installed(capsys):
    assert cli.main(["env"]) == 0
    out = capsys.readouterr().out
    has_tensorflow = find_spec("tensorflow") is not None and transformers.__version__ < "5"
    expected = ["PyTorch", "TensorFlow"] if has_tensorflow else ["PyTorch"]
    assert re.findall("- framework: (.*)", out) == expected
    assert out.count("- cpu_model: ") == len(expected)


def test_version_and_help(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("hfbench ")
    assert cli.main(["--help"]) == 0
    assert "pytorch" in capsys.readouterr().out
    assert cli.main([]) == 0


def test_ctrl_c_ends_with_130_and_prints_what_is_finished(model, tmp_path):
    words = f"numpy --models {model} --batch_sizes 1 512 --sequence_lengths 8 64 --max_seconds 3 --rounds 1"
    # With NumPy, whose workers start in a tenth of the time.
    command = [sys.executable, str(TESTS / "support" / "numpy_command.py"), *words.split()]
    command += ["--precision", "0.0001", "--verbose", "--folder", str(tmp_path / "a run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "1/4" in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "INFERENCE - SPEED - RESULT" in out
    assert "cancelled: Cancelled: stopped by the user" in out
    folder = f"'{tmp_path / 'a run'}'"  # as the shell needs it
    assert err.splitlines()[-1] == (
        f"hfbench: Interrupted: 1 of 4 cases is measured. What is measured is in {folder}. The same command with "
        f"--resume {folder}, and without --folder, measures the rest."
    )


def test_log_print_appends_the_report_to_the_log(model, tmp_path, capsys):
    words = f"pytorch --models {model} --sequence_lengths 8 --max_seconds 0.05 --rounds 1"
    words += " --log_print --log_filename run.log"
    assert cli.main(words.split()) == 0
    assert (tmp_path / "run.log").read_text() == capsys.readouterr().out


def test_verbose_shows_what_the_processes_do_and_print(model, capfd):
    words = f"pytorch --models {model} --sequence_lengths 8 9999 --max_seconds 0.05 --rounds 1 --verbose"
    assert cli.main(words.split()) == 0
    err = capfd.readouterr().err
    assert "[hfbench 0/2] building: tiny, inference, batch size 8, sequence length 8" in err
    assert "Traceback" in err
    assert "[hfbench] 2 of 2 cases in" in err
