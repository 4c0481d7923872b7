"""A run as text that can be copied: as Python, as magics, as a command of the shell."""

from __future__ import annotations

import re
import shlex

from hfbench_nb.arguments.benchmark import BenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.arguments.fields import differing

# What IPython would expand in the line of a magic, or take for the end of the line.
_EXPANDED = re.compile(r"[{}$\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def as_python(args: BenchmarkArguments) -> str:
    """Give the Python code of a run.

    Arguments that have their defaults are left out; so are names of files that carry the time.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmarkArguments
    >>> print(as_python(PyTorchBenchmarkArguments(models=["gpt2"], memory=False)))
    from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
    <BLANKLINE>
    args = PyTorchBenchmarkArguments(
        models=['gpt2'],
        memory=False,
    )
    results = PyTorchBenchmark(args).run()
    results
    """
    arguments_class = type(args).__name__
    benchmark = arguments_class.removesuffix("Arguments")
    lines = [f"    {name}={value!r}," for name, value in differing(args).items()]
    return "\n".join([
        f"from hfbench_nb import {benchmark}, {arguments_class}",
        "",
        f"args = {arguments_class}(",
        *lines,
        ")",
        f"results = {benchmark}(args).run()",
        "results",
    ])  # fmt: skip


def as_shell(args: BenchmarkArguments) -> str:
    """Give the command of a POSIX shell for a run.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmarkArguments
    >>> as_shell(PyTorchBenchmarkArguments(models=["gpt2"], batch_sizes=[1, 8], memory=False, log_filename="my log"))
    "hfbench pytorch --models gpt2 --batch_sizes 1 8 --no_memory --log_filename 'my log'"
    """
    return shlex.join(["hfbench", *to_words(args)])


def as_magic(args: BenchmarkArguments) -> str:
    """Give the magics for a run: two lines, of which the second measures.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmarkArguments
    >>> print(as_magic(PyTorchBenchmarkArguments(models=["gpt2"], log_filename="{x}")))
    %load_ext hfbench
    %hfbench pytorch --models gpt2 --log_filename '{chr(123)}x{chr(125)}'
    """
    line = shlex.join(["%hfbench", *to_words(args)])
    return f"%load_ext hfbench\n{_EXPANDED.sub(lambda mark: f'{{chr({ord(mark[0])})}}', line)}"


def to_words(args: BenchmarkArguments) -> list[str]:
    """Give the words from which `hfbench_nb.options.parse` makes the same arguments."""
    words = ["tensorflow" if isinstance(args, TensorFlowBenchmarkArguments) else "pytorch"]
    for name, value in differing(args).items():
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no_{name}")
        elif isinstance(value, list):
            words += [f"--{name}", *map(str, value)]
        elif str(value).startswith("-"):
            words.append(f"--{name}={value}")
        else:
            words += [f"--{name}", str(value)]
    return words
