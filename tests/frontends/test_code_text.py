"""A run as text, and the text back as the same run."""

from __future__ import annotations

import dataclasses
import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfbench_nb import PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.arguments.fields import is_default
from hfbench_nb.execution import benchmarks as runner
from hfbench_nb.frontends import options
from hfbench_nb.frontends.code_text import as_magic, as_python, as_shell

pytestmark = pytest.mark.quick

# What people and file systems allow: no NUL, no surrogate. A word that starts with a dash is an option's name.
_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
_names = st.one_of(
    st.sampled_from(
        ["gpt2", "google-bert/bert-base-uncased:num_hidden_layers=6,hidden_act=relu", "./my $HOME {x} it's"]
    ),
    _texts.filter(lambda text: text.strip() and not text.startswith("-")),
)
_sizes = st.lists(st.integers(1, 10**6), min_size=1, max_size=4, unique=True)
_arguments = st.builds(
    PyTorchBenchmarkArguments,
    models=st.lists(_names, min_size=1, max_size=3, unique=True),
    batch_sizes=_sizes,
    sequence_lengths=_sizes,
    training=st.booleans(),
    memory=st.booleans(),
    cuda=st.booleans(),
    verbose=st.booleans(),
    log_filename=_texts,
    threads=st.none() | st.integers(1, 64),
    precision=st.floats(1e-6, 0.99),
    max_seconds=st.floats(1e-3, 1e6),
    dtype=st.sampled_from(["float32", "float16", "bfloat16"]),
    torchscript=st.booleans(),
)


def same(one, other):
    """Tell whether two runs are the same, but for names of files that carry the time."""
    values = [
        {
            f.name: None if is_default(f, getattr(args, f.name)) else getattr(args, f.name)
            for f in dataclasses.fields(args)
        }
        for args in (one, other)
    ]
    return type(one) is type(other) and values[0] == values[1]


class Caught(Exception):
    """Brings the arguments of a benchmark out of the code that would run it."""

    def __init__(self, args):
        super().__init__(args)
        self.run_args = args


def run_python(text):
    assert text.endswith(".run()\nresults")
    names = {}
    exec(text.removesuffix(text[text.index("results = ") :]), names)
    return names["args"]


def run_magic(shell, text):
    """Run the magics in IPython as a notebook's cell, with the benchmark replaced by its arguments."""
    caught = []

    def catch(args):
        caught.append(args)
        raise ValueError("caught")

    real, runner.make_benchmark = runner.make_benchmark, catch
    try:
        shell.run_cell(text)
    finally:
        runner.make_benchmark = real
    return caught[0]


def run_words(text):
    program, *words = shlex.split(text)
    assert program == "hfbench"
    return options.parse(words).arguments


@given(_arguments)
@settings(max_examples=60, deadline=None)
def test_python_gives_the_same_arguments_back(args):
    assert same(run_python(as_python(args)), args)


@given(_arguments)
@settings(max_examples=40, deadline=None)
def test_the_shell_gives_the_same_arguments_back(args):
    assert same(run_words(as_shell(args)), args)


@pytest.mark.filterwarnings("ignore")
def test_the_magic_gives_the_same_arguments_back(shell, capsys):
    shell.user_ns["x"] = shell.user_ns["HOME"] = "expanded"

    @given(_arguments)
    @settings(max_examples=40, deadline=None)
    def check(args):
        assert same(run_magic(shell, as_magic(args)), args)

    check()


ODD = PyTorchBenchmarkArguments(
    models=["my model", 'it\'s "quoted"', "$HOME", "{x} {{y}}", "back\\slash", "gpt2:hidden_act=\"a,b\",n_layer=6"],
    log_filename="-dash",
    batch_sizes=[1],
    inference=False,
    training=True,
)  # fmt: skip


def test_odd_names_survive_every_form(shell, capsys):
    assert same(run_python(as_python(ODD)), ODD)
    assert same(run_words(as_shell(ODD)), ODD)
    assert same(run_magic(shell, as_magic(ODD)), ODD)


def test_a_real_shell_takes_the_words_as_they_are_meant():
    words = subprocess.check_output(["sh", "-c", as_shell(ODD).replace("hfbench", "printf '%s\\0'", 1)], text=True)
    assert same(options.parse(words.split("\0")[:-1]).arguments, ODD)


def test_a_variant_needs_no_quotes():
    args = PyTorchBenchmarkArguments(models=["gpt2:n_layer=6,activation_function=relu"])
    assert as_shell(args) == "hfbench pytorch --models gpt2:n_layer=6,activation_function=relu"
    assert as_magic(args).endswith("\n%hfbench pytorch --models gpt2:n_layer=6,activation_function=relu")


def test_tensorflow_has_its_own_names(shell, capsys):
    args = TensorFlowBenchmarkArguments(models=["gpt2"], use_xla=True, tpu_name="t p u")
    assert as_python(args).startswith("from hfbench_nb import TensorFlowBenchmark, TensorFlowBenchmarkArguments\n")
    assert same(run_python(as_python(args)), args)
    assert same(run_words(as_shell(args)), args)
    assert same(run_magic(shell, as_magic(args)), args)


def test_names_of_files_that_were_given_are_kept_and_default_ones_left_out():
    args = PyTorchBenchmarkArguments(models=["gpt2"], save_to_csv=True, inference_time_csv_file="mine.csv")
    assert as_shell(args) == "hfbench pytorch --models gpt2 --save_to_csv --inference_time_csv_file mine.csv"
