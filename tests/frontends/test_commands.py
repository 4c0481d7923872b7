"""The commands of the shell, their options and their help."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest
from support.option_words import arguments, help_of

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import Axis, option
from hfbench_nb.arguments.frameworks import FRAMEWORKS, Framework, frameworks_with_models
from hfbench_nb.frontends.code_text import to_words
from hfbench_nb.frontends.commands import EnvOptions, ModelsOptions, OverlayOptions, PlotOptions, commands
from hfbench_nb.frontends.options import parse
from hfbench_nb.frontends.run_options import RunOptions

pytestmark = pytest.mark.quick


# ---- help


def test_help_names_every_command():
    text = help_of()
    frameworks, others = {"pytorch", "tensorflow"}, {"plot", "compare", "models", "runs", "env", "overlay"}
    assert set(commands(prints=True)) == {*frameworks, *others, "estimate", "fit"}
    for name, kind in commands(prints=True).items():
        assert f"\n    {name}" in text
        assert " ".join(kind.summary.split(".")[0].split()[:4]) in " ".join(text.split())


@pytest.mark.parametrize("framework", list(frameworks_with_models()), ids=lambda framework: framework.name)
def test_help_lists_every_field_with_its_help(framework):
    text = help_of(framework.command)
    words = " ".join(text.replace("-\n", "-").split())
    for field in [*dataclasses.fields(framework.arguments_class), *dataclasses.fields(RunOptions)]:
        assert f"--{field.name}" in text, field.name
        assert field.metadata["help"][:20].replace("%%", "%") in words, field.name
    assert "(default: 8 32 128 512)" in words
    assert "float32|float16|bfloat16" in text


@pytest.mark.parametrize("name", ["plot", "models", "env", "overlay"])
def test_the_help_of_the_other_commands(name):
    text = help_of(name)
    assert text.startswith(f"usage: hfbench {name} [-h]")
    for field in dataclasses.fields(commands(prints=True)[name].parts[0]):
        assert field.metadata["help"][:20] in " ".join(text.split())


def test_a_framework_that_is_registered_is_a_command():
    @dataclass(kw_only=True, repr=False)
    class OtherArguments(BenchmarkArguments):
        """Measure models elsewhere."""

        framework = "Other"
        layout: str | list[str] = option("rows", "How it lies.", ("rows", "columns"), axis=Axis())

    # As `from __future__ import annotations` makes text of them, and the names are known here alone.
    OtherArguments.__annotations__["layout"] = str | list[str]
    FRAMEWORKS.register(Framework("Other", "no.such.module", OtherArguments))
    try:
        assert "--layout" in help_of("other")
        assert "Measure models elsewhere." in help_of()
        made = arguments("--layout rows columns --threads 1", "other")
        assert type(made) is OtherArguments
        assert made.layout == ["rows", "columns"]
        assert to_words(made) == ["other", "--models", "m", "--threads", "1", "--layout", "rows", "columns"]
    finally:
        FRAMEWORKS.remove("Other")


# ---- the other commands


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("models", ModelsOptions()),
        ("models bert", ModelsOptions(search="bert")),
        ("models --search bert-large", ModelsOptions(search="bert-large")),
        ("models --search=bert", ModelsOptions(search="bert")),
        ("env", EnvOptions()),
        ("env tensorflow", EnvOptions(framework="tensorflow")),
        ("overlay tensorflow some-folder", OverlayOptions(framework="tensorflow", folder="some-folder")),
        ("plot --csv_file a.csv", PlotOptions(csv_file="a.csv")),
        (
            "plot --csv-file a.csv --is-time --no_log-scale --is_train --plot_along_batch --figure_png_file b.png",
            PlotOptions(
                csv_file="a.csv", is_time=True, log_scale=False, is_train=True, plot_along_batch=True,
                figure_png_file="b.png",
            ),
        ),
        (
            "plot --csv_file a.csv --short_model_names x y-z",
            PlotOptions(csv_file="a.csv", short_model_names=["x", "y-z"]),
        ),
    ],
)  # fmt: skip
def test_commands_become_their_options(words, command):
    assert parse(words.split()) == command
