"""The IPython magics of ``%load_ext hfbench``: ``%hfbench``, ``%%hfbench``, and those whose names begin with it."""

from __future__ import annotations

import argparse
import builtins
import dataclasses
import io
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from IPython.utils.text import DollarFormatter

from hfbench_nb.arguments.frameworks import frameworks_with_models
from hfbench_nb.arguments.measurement import FunctionArguments
from hfbench_nb.frontends.commands import EstimateCommand, FunctionOptions, MeasureCommand
from hfbench_nb.frontends.options import HelpShown, flags_of_functions, parse, parse_function_options, underscored
from hfbench_nb.protocol.errors import HfbenchError
from hfbench_nb.worker.cell_code import CellCode, call

if TYPE_CHECKING:
    from hfbench_nb.display.estimate import Estimate
    from hfbench_nb.execution.displays import Display
    from hfbench_nb.facade.benchmark_results import BenchmarkResults
    from hfbench_nb.frontends.widgets.control_panel import Panel

# Options of the magics, in addition to those of the shell, that take no value.
_OWN_FLAGS = ("-q", "-h", "--help")


@magics_class
class HfbenchMagics(Magics):
    """Benchmarks from a notebook cell."""

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def hfbench(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        """Measure models, or the code of a cell, in separate processes.

        ``%hfbench pytorch --models gpt2 --sequence_lengths 8 32 [-o NAME] [-q]``
            Takes every option of the shell's ``hfbench pytorch`` and ``hfbench tensorflow``; ``%hfbench pytorch
            --help`` lists them.  ``{expression}`` and ``$variable`` are expanded, lists to several words.  The results
            are the value of the line: they are displayed as tables, and ``results = %hfbench ...`` keeps them.

        ``%%hfbench [options] [set-up code]``
            Measures the code of the cell: time and peak memory.  The set-up runs once, outside the measurement;
            ``--pass NAME`` also sends a variable of the notebook; ``%%hfbench --help`` lists the options.

        ``-o NAME`` also stores the results in a variable; ``-q`` shows nothing, and needs ``-o``.
        """
        with _clear_errors():
            if cell is None:
                return self._measure_models(line, {**self._notebook, **(local_ns or {})})
            return self._measure_cell(line, cell)

    @property
    def _notebook(self) -> dict[str, Any]:
        """The variables of the notebook."""
        assert self.shell is not None
        variables: dict[str, Any] = self.shell.user_ns
        return variables

    def _measure_models(self, line: str, names: Mapping[str, Any]) -> BenchmarkResults | None:
        from hfbench_nb.execution.benchmarks import make_benchmark

        output, words = _take_output_options(shlex.split(_expand(line, names)) or ["--help"])
        commands = [framework.command for framework in frameworks_with_models()]
        first = words[0] if words else ""
        if first not in (*commands, "--help", "-h"):
            raise UsageError(f"%hfbench {first}: the first word must be {' or '.join(commands)}.")
        command = parse(words)
        assert isinstance(command, MeasureCommand)
        benchmark = make_benchmark(command.arguments)
        try:
            results = benchmark.run(**vars(command.options), display=_display(output))
        except KeyboardInterrupt:
            name = output.name or "_hfbench"
            self._notebook[name] = benchmark.results
            print(f"Interrupted: the finished cases are in {name}.", file=sys.stderr)
            raise
        return self._give(results, output)

    def _measure_cell(self, line: str, cell: str) -> BenchmarkResults | None:
        from hfbench_nb.execution.functions import measure

        words, code = _split_options(line)
        output, words = _take_output_options(words)
        options = parse_function_options(words, "%%hfbench")
        setup = "\n".join(part for part in (options.setup, code) if part)
        try:
            cell_code = CellCode(cell, setup, self._passed(options))
        except SyntaxError as error:
            raise UsageError(
                f"{error.filename}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}"
            ) from None
        known = {n for n in cell_code.missing_names() if n in self._notebook and not hasattr(builtins, n)}
        if known:
            send = " ".join(f"--pass {name}" for name in sorted(known))
            raise UsageError(
                f"The cell runs in a separate process and does not see {', '.join(sorted(known))} of the notebook: "
                f"send what it needs ({send}), or create it in the set-up."
            )
        arguments = {f.name: getattr(options, f.name) for f in dataclasses.fields(FunctionArguments)}
        results = measure(call, cell_code, **arguments, display=_display(output))
        failure = results.entries[0][1].failure
        if failure is not None:
            print(failure.traceback or failure, file=sys.stderr)
        return self._give(results, output)

    def _passed(self, options: FunctionOptions) -> dict[str, Any]:
        for name in options.variables:
            if name not in self._notebook:
                raise UsageError(f"--pass {name}: the notebook has no variable of this name.")
        return {name: self._notebook[name] for name in options.variables}

    def _give(self, results: BenchmarkResults, output: argparse.Namespace) -> BenchmarkResults | None:
        if output.name is not None:
            self._notebook[output.name] = results
        return None if output.quiet else results

    @line_magic
    def hfbench_env(self, line: str) -> None:
        """Show the environment in which models would be measured: of the framework named, or of each installed one."""
        from hfbench_nb.frontends.cli import main

        main(["env", *shlex.split(line)])

    @line_magic
    def hfbench_estimate(self, line: str) -> Estimate:
        """Estimate the memory that models need, without running them: the options of the shell's ``hfbench estimate``.

        ``%hfbench_estimate --models gpt2 --batch_sizes 8 --budget_device T4``; the value of the line is shown as a
        table, and ``e = %hfbench_estimate ...`` keeps it.
        """
        from hfbench_nb.execution.benchmarks import estimate

        with _clear_errors():
            command = parse(["estimate", *shlex.split(_expand(line, self._notebook))])
            assert isinstance(command, EstimateCommand)
            options = command.options
            return estimate(command.arguments, budget_mb=options.budget_mb, device=options.budget_device)

    @line_magic
    def hfbench_panel(self, line: str) -> Panel:
        """Show a control panel, the value of the line: ``p = %hfbench_panel`` keeps it."""
        from hfbench_nb.frontends.widgets.control_panel import panel

        if line.strip():
            raise UsageError(
                f"%hfbench_panel takes no options: hfbench_nb.panel(...) starts with values ({line} given)."
            )
        return panel()


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Show help as text, and turn errors of use into one line without a traceback."""
    try:
        yield
    except HelpShown as shown:
        if shown.code:
            raise UsageError(f"{shown.line} (--help lists the options)") from None
        print(shown.text)
    except UsageError:
        raise
    except (HfbenchError, ValueError) as error:
        raise UsageError(str(error)) from None


class _ListFormatter(DollarFormatter):
    """Expands ``{expression}`` and ``$variable``; a list becomes several words."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, list | tuple | range) and not format_spec:
            return " ".join(shlex.quote(str(item)) for item in value)
        text: str = super().format_field(value, format_spec)
        return text


def _expand(line: str, names: Mapping[str, Any]) -> str:
    try:
        expanded: str = _ListFormatter().vformat(line, args=(), kwargs=names)
    except Exception as error:
        raise UsageError(f"{line}: cannot be expanded: {type(error).__name__}: {error}") from None
    return expanded


class _OutputParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _take_output_options(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Remove ``-o NAME`` and ``-q``, which magics have in addition to the options of the shell, from the words."""
    parser = _OutputParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-o", dest="name")
    parser.add_argument("-q", dest="quiet", action="store_true")
    output, rest = parser.parse_known_args(words)
    if output.name is not None and not output.name.isidentifier():
        raise UsageError(f"-o {output.name}: not a valid name of a variable.")
    if output.quiet and output.name is None:
        raise UsageError("-q shows nothing: keep the results with -o NAME.")
    return output, rest


def _split_options(line: str) -> tuple[list[str], str]:
    """Split the first line of a measured cell into the words of its options and the set-up code that follows."""
    stream = io.StringIO(line)
    lexer = shlex.shlex(stream, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    flags = {*flags_of_functions(), *_OWN_FLAGS}
    words: list[str] = []
    rest = line
    while rest.startswith("-"):
        word = lexer.get_token() or ""
        words.append(word)
        if underscored(word) not in flags and "=" not in word:
            words.append(lexer.get_token() or "")
        rest = line[stream.tell() :].lstrip()
    return [word for word in words if word], rest.strip()


def _display(output: argparse.Namespace) -> Display | None:
    from hfbench_nb.execution.displays import NoDisplay

    return NoDisplay() if output.quiet else None


def load_ipython_extension(ipython: Any) -> None:
    """Register the magics; ``%load_ext hfbench`` calls this."""
    ipython.register_magics(HfbenchMagics)
