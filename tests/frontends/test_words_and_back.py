"""From arguments to words and back."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.option_words import same, with_dashes

from hfbench_nb import PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.frontends.code_text import to_words
from hfbench_nb.frontends.options import parse
from hfbench_nb.frontends.run_options import RunOptions

pytestmark = pytest.mark.quick

_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
_names = _texts.filter(lambda text: text.strip() and not text.startswith("-"))
# The word "none" stands for no value.
_optional = st.none() | _texts.filter(lambda text: text.lower() != "none")
_sizes = st.lists(st.integers(1, 10**6), min_size=1, max_size=4, unique=True)


def axis(*values):
    """Draw one value of an axis, or a list of several."""
    several = st.lists(st.sampled_from(values), min_size=2, max_size=len(values), unique=True)
    return st.sampled_from(values) | several


_models = {"models": st.lists(_names, min_size=1, max_size=3, unique=True)}
_shared = {
    "batch_sizes": _sizes,
    "sequence_lengths": _sizes,
    "training": st.booleans(),
    "memory": st.booleans(),
    "precision": st.floats(1e-6, 0.99),
    "max_seconds": st.floats(1e-3, 1e6),
    "timeout_s": st.floats(1.0, 1e6),
    "device": axis("auto", "cpu"),
    "dtype": axis("float32", "float16", "bfloat16"),
    "threads": axis(None, 1, 2, 64),
    "repeat": st.integers(1, 99),
    "seed": st.integers(0, (1 << 63) - 1),
    "python": axis(None, sys.executable),
    "overlay": axis(None, "/", "/tmp"),
    "only_pretrain_model": st.booleans(),
    "multi_process": st.booleans(),
    "verbose": st.booleans(),
    "env_print": st.booleans(),
    "log_filename": _texts,
    "inference_time_csv_file": _texts,
}
_pytorch = st.fixed_dictionaries(
    _models,
    optional={
        **_shared,
        "torchscript": axis(False, True),
        "weights": axis("random", "pretrained"),
        "fp16_opt_level": st.sampled_from(["O0", "O1", "O2", "O3"]),
        "trust_remote_code": st.booleans(),
    },
).map(lambda given: PyTorchBenchmarkArguments(**given))
_tensorflow = st.fixed_dictionaries(
    _models,
    optional={
        **_shared,
        "eager_mode": axis(False, True).filter(lambda value: value is not True),
        "use_xla": axis(False, True).filter(lambda value: value is not True),
        "device_idx": st.integers(0, 9),
        "tpu_name": _optional,
    },
).map(lambda given: TensorFlowBenchmarkArguments(**given))
_options = st.builds(RunOptions, executor=_optional, folder=_optional, resume=_optional)


@given(_pytorch | _tensorflow, _options)
@settings(max_examples=60, deadline=None)
def test_words_give_the_same_run_back(args, options):
    command = parse(to_words(args, options))
    assert same(command.arguments, args)
    assert command.options == options


@given(_pytorch | _tensorflow)
@settings(max_examples=20, deadline=None)
def test_words_with_dashes_give_the_same_run_back(args):
    framework, *words = to_words(args)
    dashed = with_dashes(words)
    assert same(parse([framework, *dashed]).arguments, args)
