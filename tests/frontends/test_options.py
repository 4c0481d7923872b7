"""The one parser of the shell and the magics: every field is an option."""

from __future__ import annotations

import argparse
import dataclasses
import sys

import pytest
from support.option_words import arguments, misuse, same, with_dashes

from hfbench_nb import ArgumentError, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.arguments.frameworks import frameworks_with_models
from hfbench_nb.frontends import options
from hfbench_nb.frontends.commands import MeasureCommand
from hfbench_nb.frontends.options import HelpShown, parse, underscored
from hfbench_nb.frontends.run_options import RunOptions

pytestmark = pytest.mark.quick


# ---- spelling


def test_a_run_is_arguments_and_where_it_is_kept():
    command = parse(
        ["pytorch", "--models", "a", "b", "--batch_sizes", "1", "8", "--folder", "kept", "--executor", "fresh"]
    )
    assert isinstance(command, MeasureCommand)
    assert type(command.arguments) is PyTorchBenchmarkArguments
    assert (command.arguments.models, command.arguments.batch_sizes) == (["a", "b"], [1, 8])
    assert command.options == RunOptions(folder="kept", executor="fresh")
    assert parse(["tensorflow", "--models", "a", "--resume", "kept"]).options == RunOptions(resume="kept")
    assert type(arguments("", "tensorflow")) is TensorFlowBenchmarkArguments


@pytest.mark.parametrize("framework", [f.command for f in frameworks_with_models()])
def test_dashes_are_as_good_as_underscores(framework):
    words = ["--batch_sizes", "1", "--max_seconds=0.5", "--no_multi_process", "--log_filename=a-b_c", "--save_to_csv"]
    dashed = with_dashes(words)
    assert dashed[3] == "--no-multi-process"
    one, other = (parse([framework, "--models", "a_b-c", *each]).arguments for each in (words, dashed))
    assert same(one, other)
    assert other.log_filename == "a-b_c"
    assert other.models == ["a_b-c"]


def test_a_range_doubles_in_every_list_of_whole_numbers():
    args = arguments("--batch_sizes 1-8 --sequence_lengths 8-64 100 --threads 1-2 --generation --new_tokens=4-16")
    assert (args.batch_sizes, args.sequence_lengths) == ([1, 2, 4, 8], [8, 16, 32, 64, 100])
    assert (args.threads, args.new_tokens) == ([1, 2], [4, 8, 16])
    assert arguments("--threads 2-2").threads == 2
    told = misuse("pytorch --models m --batch_sizes 8-500").line
    assert told.endswith("doubling 8 gives 256 and 512, so it must be 8-256 or 8-512")
    assert "invalid whole number value: '1-x'" in misuse("pytorch --models m --batch_sizes 1-x").line
    with pytest.raises(ArgumentError, match="without duplicates"):
        arguments("--batch_sizes 1-8 4")
    with pytest.raises(HelpShown) as shown:
        parse(["pytorch", "--help"])
    assert "Batch sizes to measure. 8-512 stands for 8, 16, 32 ... 512." in " ".join(shown.value.text.split())
    assert misuse("pytorch --models m --repeat 1-8").line.startswith("argument --repeat: invalid whole number value")


@pytest.mark.parametrize("word", ["a-b", "-o", "-5", "--", "---x", "--5-x", "", "-a-b"])
def test_what_is_no_long_option_keeps_its_dashes(word):
    assert underscored(word) == word


@pytest.mark.parametrize("framework", list(frameworks_with_models()), ids=lambda framework: framework.name)
def test_every_flag_has_its_opposite(framework):
    kind = framework.arguments_class
    flags = [field.name for field in dataclasses.fields(kind) if field.type in ("bool", "bool | list[bool]")]
    assert {"memory", "training", "trust_remote_code"} < set(flags)
    for name in flags:
        rest = "" if name != "inference" else "--training"
        if name != "trace_memory_line_by_line" and not (framework.name == "TensorFlow" and name == "trust_remote_code"):
            assert getattr(arguments(f"--{name} {rest}", framework.command), name) is True
        assert getattr(arguments(f"--no_{name} {rest}", framework.command), name) is False
        assert getattr(arguments(f"--no-{name.replace('_', '-')} {rest}", framework.command), name) is False


def test_the_last_of_a_flag_and_its_opposite_counts():
    assert arguments("--memory --no_memory").memory is False
    assert arguments("--no_memory --memory").memory is True
    assert arguments("--dtype float16 --dtype bfloat16").dtype == "bfloat16"


# ---- axes


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--dtype bfloat16", "dtype", "bfloat16"),
        ("--dtype float32 bfloat16", "dtype", ["float32", "bfloat16"]),
        ("--dtype=float32", "dtype", "float32"),
        ("--threads 2", "threads", 2),
        ("--threads 1 2 4", "threads", [1, 2, 4]),
        ("--threads none", "threads", None),
        ("--threads None 2", "threads", [None, 2]),
        ("--device cpu", "device", "cpu"),
        ("--device cpu cuda:1", "device", ["cpu", "cuda:1"]),
        ("--torchscript", "torchscript", True),
        ("--torchscript true", "torchscript", True),
        ("--torchscript=true", "torchscript", True),
        ("--torchscript false", "torchscript", False),
        ("--torchscript true false", "torchscript", [True, False]),
        ("--torchscript False True", "torchscript", [False, True]),
        ("--no_torchscript", "torchscript", False),
        ("--no-torchscript", "torchscript", False),
        ("--overlay none", "overlay", None),
    ],
)
def test_an_axis_takes_one_value_or_several(words, name, value):
    made = getattr(arguments(words), name)
    assert made == value
    assert type(made) is type(value)


def test_overlays_and_interpreters_are_paths_or_none(tmp_path):
    assert arguments(f"--overlay none {tmp_path}").overlay == [None, str(tmp_path)]
    assert arguments(f"--overlay {tmp_path}").overlay == str(tmp_path)
    assert arguments(f"--python none {sys.executable}").python == [None, sys.executable]


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("--eager_mode true false", {"eager_mode": [True, False]}),
        ("--use_xla --no_eager_mode", {"use_xla": True, "eager_mode": False}),
        ("--use_xla false true --eager-mode false true", {"use_xla": [False, True], "eager_mode": [False, True]}),
        ("--tpu_name my-tpu --device_idx 1", {"tpu_name": "my-tpu", "device_idx": 1}),
    ],
)
def test_tensorflow_has_axes_of_its_own(words, given):
    made = arguments(words, "tensorflow")
    assert {name: getattr(made, name) for name in given} == given


def test_a_flag_whose_name_begins_with_no_can_be_set_and_unset():
    parser = argparse.ArgumentParser()
    parser.add_argument("--normalize", "--no_normalize", action=options._Flag, nargs=0, dest="normalize")
    assert parser.parse_args(["--normalize"]).normalize is True
    assert parser.parse_args(["--no_normalize"]).normalize is False
