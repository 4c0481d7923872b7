"""Options that are misused: one line says which, and what may have been meant."""

from __future__ import annotations

import pytest
from support.option_words import misuse

from hfbench_nb import ArgumentError
from hfbench_nb.frontends.options import parse

pytestmark = pytest.mark.quick


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
