"""A run as text to copy: as Python code, as magics, as a shell command."""

from __future__ import annotations

import re
import shlex

import hfbench_nb
from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import differing
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution.benchmarks import benchmark_class_of, make_benchmark
from hfbench_nb.frontends.run_options import RunOptions

# Characters that IPython would expand in the line of a magic, or treat as the end of the line.
_EXPANDED = re.compile(r"[{}$\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def as_python(args: BenchmarkArguments, options: RunOptions | None = None) -> str:
    """Return the Python code of a run.

    Arguments that have their defaults are left out; so are file names that contain the time.

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
    if getattr(hfbench_nb, arguments_class, None) is type(args):
        benchmark = benchmark_class_of(args).__name__
        imports = [f"from hfbench_nb import {benchmark}, {arguments_class}"]
    else:  # of a framework from outside, which need not have a class of its own
        benchmark = make_benchmark.__name__
        imports = [
            f"from {make_benchmark.__module__} import {benchmark}",
            f"from {type(args).__module__} import {arguments_class}",
        ]
    given = ", ".join(f"{name}={value!r}" for name, value in differing(options).items()) if options else ""
    lines = [f"    {name}={value!r}," for name, value in differing(args).items()]
    return "\n".join([
        *imports,
        "",
        f"args = {arguments_class}(",
        *lines,
        ")",
        f"results = {benchmark}(args).run({given})",
        "results",
    ])  # fmt: skip


def as_shell(args: BenchmarkArguments, options: RunOptions | None = None) -> str:
    """Return the command of a POSIX shell for a run.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmarkArguments
    >>> as_shell(PyTorchBenchmarkArguments(models=["gpt2"], batch_sizes=[1, 8], memory=False, log_filename="my log"))
    "hfbench pytorch --models gpt2 --batch_sizes 1 8 --no_memory --log_filename 'my log'"
    """
    return shlex.join(["hfbench", *to_words(args, options)])


def as_magic(args: BenchmarkArguments, options: RunOptions | None = None) -> str:
    """Return the magics for a run: two lines, of which the second measures.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmarkArguments
    >>> print(as_magic(PyTorchBenchmarkArguments(models=["gpt2"], log_filename="{x}")))
    %load_ext hfbench
    %hfbench pytorch --models gpt2 --log_filename '{chr(123)}x{chr(125)}'
    """
    line = shlex.join(["%hfbench", *to_words(args, options)])
    return f"%load_ext hfbench\n{_EXPANDED.sub(lambda mark: f'{{chr({ord(mark[0])})}}', line)}"


def to_words(args: BenchmarkArguments, options: RunOptions | None = None) -> list[str]:
    """Return the words from which `hfbench_nb.frontends.options.parse` makes the same arguments."""
    words = [FRAMEWORKS[args.framework].command]
    for name, value in {**differing(args), **(differing(options) if options else {})}.items():
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no_{name}")
        elif isinstance(value, list):
            words += [f"--{name}", *map(str, value)]
        elif str(value).startswith("-"):
            words.append(f"--{name}={value}")
        else:
            words += [f"--{name}", str(value)]
    return words
