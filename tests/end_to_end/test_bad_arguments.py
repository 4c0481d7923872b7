"""Whatever is given to arguments: a clear error or a right answer, never another exception or a hang."""

from __future__ import annotations

import dataclasses
import json
import math
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bad_inputs import any_text, any_value, examples, outcome

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments, estimate, panel
from hfbench_nb.arguments.sweep import combinations
from hfbench_nb.frontends import options
from hfbench_nb.protocol.errors import ArgumentError, shown

KINDS = (PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments)
FIELDS = [(kind, field.name) for kind in KINDS for field in dataclasses.fields(kind)]
TYPES = {kind: typing.get_type_hints(kind) for kind in KINDS}


def is_of(hint, value):
    """Tell whether a value is of a declared type, and not only equal to one that is."""
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is list:
        return type(value) is list and all(is_of(inner[0], item) for item in value)
    if inner:
        return any(is_of(each, value) for each in inner)
    return type(value) in (int, float) if hint is float else isinstance(value, hint)


def assert_in_order(args):
    for name, hint in TYPES[type(args)].items():
        assert is_of(hint, getattr(args, name)), name
    for sizes in (args.batch_sizes, args.sequence_lengths):
        assert min(sizes) >= 1
        assert len(set(sizes)) == len(sizes)
    assert all(name.strip() for name in args.models)
    assert args.repeat >= 1
    assert args.seed >= 0
    assert 0 < args.precision < 1
    assert 0 < args.max_seconds < math.inf
    assert 0 < args.timeout_s < math.inf
    assert args.threads is None or args.threads >= 1
    assert args.dtype in ("float32", "float16", "bfloat16")
    # All of it can cross the process border and be printed.
    args.to_json_string().encode("utf-8", "surrogateescape")
    json.dumps([dataclasses.asdict(args.method()), *(dict(settings) for settings in combinations(args))])
    repr(args)


@examples(600)
@given(st.sampled_from(FIELDS), any_value)
def test_an_argument_is_used_or_refused_by_name_and_value(field, value):
    kind, name = field
    args, error = outcome(lambda: kind(**{"models": ["gpt2"], name: value}), ArgumentError)
    if error is None:
        assert_in_order(args)
    else:
        assert name in str(error)
        assert shown(value) in str(error)
        assert len(str(error)) < 600


@examples(100)
@given(st.data())
def test_arguments_that_were_changed_later_are_checked_again(data):
    kind = data.draw(st.sampled_from(KINDS))
    args = kind(models=["gpt2"])
    for _ in range(2):
        name = data.draw(st.sampled_from([field.name for field in dataclasses.fields(kind)]))
        setattr(args, name, data.draw(any_value))
    _, error = outcome(args.check, ArgumentError)
    if error is None:
        assert_in_order(args)
    else:
        assert any(field.name in str(error) for field in dataclasses.fields(kind))


OPTION_WORDS = [f"--{name}" for name in TYPES[PyTorchBenchmarkArguments]]
OPTION_WORDS += [word.replace("_", "-") for word in OPTION_WORDS] + ["--no-inference", "--no_memory", "--help", "--"]
VALUE_WORDS = ["gpt2", "8", "-1", "0", "1e400", "nan", "True", "None", "cuda", "float16", "", "8,16", "[1]", "1" * 5000]


@examples(120)
@given(
    st.sampled_from(["pytorch", "tensorflow", "models", "env", "overlay", "nothing", ""]),
    st.lists(st.sampled_from(OPTION_WORDS) | st.sampled_from(VALUE_WORDS) | any_text, max_size=5),
)
def test_words_are_parsed_or_refused(command, words):
    parsed, error = outcome(lambda: options.parse([command, *words]), options.HelpShown, ArgumentError)
    if isinstance(error, options.HelpShown):
        assert error.text.strip()
        assert error.code in (0, 2)
    elif error is not None:
        assert any(name in str(error) for kind in KINDS for name in TYPES[kind])
    elif isinstance(parsed, KINDS):
        assert_in_order(parsed)


@pytest.mark.parametrize(
    ("take", "args"),
    [(take, args) for take in (estimate, panel, PyTorchBenchmark) for args in ("gpt2", {"models": ["gpt2"]})]
    + [(estimate, None), (PyTorchBenchmark, None)],
)
def test_what_is_no_arguments_is_refused(take, args):
    with pytest.raises(ArgumentError, match=r"args=.* cannot be used: args must be a PyTorchBenchmarkArguments"):
        take(args)
