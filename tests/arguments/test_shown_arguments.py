"""What a notebook shows of arguments."""

from __future__ import annotations

import dataclasses

import pytest
from support.models import short
from support.pages import Tags

from hfbench_nb import PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def test_arguments_show_first_what_was_given_and_fold_the_defaults_away():
    args = PyTorchBenchmarkArguments(models=["gpt2"], training=True, log_filename="mine.csv")
    html = args._repr_html_()
    above, folded = html.split("<details>")
    assert [text for text in Tags(above).texts if text] == [
        "PyTorchBenchmarkArguments", "models", "['gpt2']", "training", "True", "log_filename", "'mine.csv'"
    ]  # fmt: skip
    helps = {field.name: field.metadata["help"] for field in dataclasses.fields(args)}
    hints = [attrs["title"] for _, attrs in Tags(above).tags if "title" in attrs]
    assert hints == [helps["models"], helps["training"], helps["log_filename"]]
    texts = Tags(folded).texts
    assert {"batch_sizes", "[8]", "inference_time_csv_file", "fp16_opt_level"} <= set(texts)


def test_arguments_print_a_line_each_and_have_a_short_repr():
    args = TensorFlowBenchmarkArguments(models=["gpt2"], use_xla=True)
    assert repr(args) == "TensorFlowBenchmarkArguments(models=['gpt2'], use_xla=True)"
    lines = [line.split() for line in str(args).splitlines()]
    assert lines[:4] == [
        ["TensorFlowBenchmarkArguments"],
        ["models", "['gpt2']"],
        ["use_xla", "True"],
        ["with", "the", "defaults:"],
    ]
    assert ["batch_sizes", "[8]"] in lines
    assert len(lines) == 2 + len(args.to_dict())


def test_the_repr_of_arguments_makes_them_again():
    args = short(batch_sizes=range(1, 4), threads=2)
    again = eval(repr(args))
    files = {*args.csv_file_fields(), "log_filename"}
    assert {n: v for n, v in again.to_dict().items() if n not in files} == {
        n: v for n, v in args.to_dict().items() if n not in files
    }
