"""The one parser of the shell and the magics: every field is an option, and words become the same arguments again."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfbench_nb import ArgumentError, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import Axis, is_default, option
from hfbench_nb.arguments.frameworks import FRAMEWORKS, Framework, frameworks_with_models
from hfbench_nb.frontends.code_text import to_words
from hfbench_nb.frontends.commands import (
    EnvOptions,
    FunctionOptions,
    MeasureCommand,
    ModelsOptions,
    OverlayOptions,
    PlotOptions,
    commands,
)
from hfbench_nb.frontends.options import HelpShown, flags_of_functions, parse, parse_function_options, underscored
from hfbench_nb.frontends.run_options import RunOptions

pytestmark = pytest.mark.quick


def arguments(words, command="pytorch"):
    """Parse the options of a run of one model."""
    return parse([command, "--models", "m", *words.split()]).arguments


def with_dashes(words):
    """Spell the names of options, but not their values, with dashes."""
    parts = [word.partition("=") if word.startswith("--") else ("", "", word) for word in words]
    return [name.replace("_", "-") + equals + value for name, equals, value in parts]


def misuse(words):
    with pytest.raises(HelpShown) as shown:
        parse(words.split())
    assert shown.value.code == 2
    return shown.value


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


# ---- misuse


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("pytorch --batchsizes 3", "unrecognized arguments: --batchsizes 3. Did you mean --batch_sizes?"),
        ("pytorch --batch-size 3", "unrecognized arguments: --batch_size 3. Did you mean --batch_sizes?"),
        ("pytorch --max-secs=3", "unrecognized arguments: --max_secs=3. Did you mean --max_seconds?"),
        ("pytorch --no_memry", "unrecognized arguments: --no_memry. Did you mean --no_memory?"),
        ("pytorch --foldr x", "unrecognized arguments: --foldr x. Did you mean --folder?"),
        ("tensorflow --eager", "unrecognized arguments: --eager. Did you mean --eager_mode?"),
        ("plot --csv_file a --is_tim", "unrecognized arguments: --is_tim. Did you mean --is_time?"),
        ("pytorch --completely_other", "unrecognized arguments: --completely_other"),
        ("pytorch a", "unrecognized arguments: a"),
        ("pytorch --memory true", "unrecognized arguments: true"),
        ("models a b", "unrecognized arguments: b"),
    ],
)
def test_an_unknown_option_is_told_with_what_it_may_have_meant(words, line):
    shown = misuse(words)
    assert shown.line == line
    program = f"hfbench {words.split()[0]}"
    assert shown.text == f"{program}: {shown.line}\n({program} --help lists the options)\n"


@pytest.mark.parametrize("words", ["pytorch --use-xla", "pytorch --eager_mod", "tensorflow --torchscrip"])
def test_an_option_of_another_command_is_not_suggested_but_named(words):
    option = words.split()[1]
    hint = ". --use_xla is an option of hfbench tensorflow" if option == "--use-xla" else ""
    assert misuse(words).line == f"unrecognized arguments: {option.replace('-x', '_x')}{hint}"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("pytorch --dtype float64", "--dtype: invalid choice: 'float64'"),
        ("pytorch --dtype float32 float64", "--dtype: invalid choice: 'float64'"),
        ("pytorch --threads two", "--threads: invalid whole number value: 'two'"),
        ("pytorch --threads 1.5", "--threads: invalid whole number value: '1.5'"),
        ("pytorch --precision fine", "--precision: invalid number value: 'fine'"),
        ("pytorch --batch_sizes 1 x", "--batch_sizes: invalid whole number value: 'x'"),
        ("pytorch --seed none", "--seed: invalid whole number value: 'none'"),
        ("pytorch --threads", "--threads: expected at least one argument"),
        ("pytorch --seed", "--seed: expected one argument"),
        ("pytorch --torchscript maybe", "--torchscript: invalid choice: maybe (choose from true, false)"),
        ("pytorch --no_torchscript true", "--no_torchscript: it takes no value"),
        ("pytorch --memory=true", "--memory/--no_memory: ignored explicit argument 'true'"),
        ("plot", "the following arguments are required: --csv_file"),
        ("overlay tensorflow", "the following arguments are required: FOLDER"),
        ("overlay pytorch folder", "invalid choice: 'pytorch'"),
        ("pytroch", "invalid choice: 'pytroch' (choose from"),
        ("", "the following arguments are required: COMMAND"),
    ],
)
def test_misuse_is_one_line_that_names_the_option(words, part):
    shown = misuse(words)
    assert part in shown.line
    assert "\n" not in shown.line


def test_an_abbreviation_is_not_taken_for_an_option():
    assert "Did you mean --models?" in misuse("pytorch --model a").line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--models m m", r"models=\['m', 'm'\]"),
        ("--models m --batch_sizes", r"batch_sizes=\[\]"),
        ("--models m --dtype float32 float32", r"dtype=\['float32', 'float32'\]"),
        ("--models m --torchscript true true", r"torchscript=\[True, True\]"),
        ("--models m --threads 1 0", "threads=0"),
        ("--models m --overlay /no/such/folder", "overlay='/no/such/folder'"),
        ("--models m --fp16 --dtype float32 bfloat16", "fp16=True and dtype="),
        ("--models m --no_speed --no_memory", "leave nothing to measure"),
    ],
)
def test_values_that_cannot_be_used_are_refused_as_in_python(words, message):
    with pytest.raises(ArgumentError, match=message):
        parse(["pytorch", *words.split()])


# ---- help


def help_of(*words):
    with pytest.raises(HelpShown) as shown:
        parse([*words, "--help"])
    assert (shown.value.code, shown.value.line) == (0, "")
    return shown.value.text


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


# ---- measured cells


def cell_options(words):
    return parse_function_options(words, "%%hfbench")


def test_options_of_a_measured_cell():
    assert cell_options([]) == FunctionOptions()
    made = cell_options(
        ["--name", "my cell", "--pass", "a", "--pass", "b", "--no-memory", "--max-seconds", "2", "--framework=pytorch"]
    )
    assert made == FunctionOptions(
        name="my cell", variables=["a", "b"], memory=False, max_seconds=2.0, framework="pytorch"
    )  # fmt: skip
    assert cell_options(["--setup", "import math"]).setup == "import math"
    assert cell_options(["--framework", "none"]).framework is None
    assert cell_options([]).variables == []  # that of the last call is another list


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--variables", "a"], "unrecognized arguments: --variables a"),
        (["--nmae", "x"], "unrecognized arguments: --nmae x. Did you mean --name?"),
        (["--models", "x"], "unrecognized arguments: --models x"),
        (["--pass"], "--pass: expected one argument"),
        (["--precision", "x"], "--precision: invalid number value: 'x'"),
    ],
)
def test_misuse_in_a_measured_cell(words, message):
    with pytest.raises(HelpShown) as shown:
        cell_options(words)
    assert message in shown.value.line
    assert shown.value.text.endswith("\n(%%hfbench --help lists the options)\n")


def test_values_of_a_measured_cell_are_checked():
    with pytest.raises(ArgumentError, match="precision=2"):
        cell_options(["--precision", "2"])
    with pytest.raises(ArgumentError, match="name=' '"):
        cell_options(["--name", " "])


def test_the_help_of_a_measured_cell_lists_every_option():
    with pytest.raises(HelpShown) as shown:
        cell_options(["--help"])
    for field in dataclasses.fields(FunctionOptions):
        assert f"--{field.metadata['spelling'] or field.name}" in shown.value.text
    assert "--variables" not in shown.value.text


def test_flags_of_functions_are_those_without_a_value():
    assert flags_of_functions() == {f"--{no}{name}" for name in ("speed", "memory", "profile") for no in ("", "no_")}


# ---- from arguments to words and back


def same(one, other):
    """Tell whether two runs are the same, but for names of files that carry the time."""
    values = [
        {
            f.name: None if "timestamped" in f.metadata and is_default(f, value) else (type(value), value)
            for f in dataclasses.fields(args)
            for value in [getattr(args, f.name)]
        }
        for args in (one, other)
    ]
    return type(one) is type(other) and values[0] == values[1]


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
