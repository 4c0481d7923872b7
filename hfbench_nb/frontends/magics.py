"""The IPython magics of ``%load_ext hfbench``: ``%hfbench``, ``%%hfbench``, and those whose names begin with it."""

from __future__ import annotations

import argparse
import builtins
import dataclasses
import io
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from IPython.utils.text import DollarFormatter

from hfbench_nb.arguments.callables import why_not_sent
from hfbench_nb.arguments.measurement import FunctionArguments
from hfbench_nb.execution.early import start_early
from hfbench_nb.frontends.commands import FunctionOptions, commands
from hfbench_nb.frontends.completion import add_completion, remove_completion
from hfbench_nb.frontends.options import HelpShown, flags_of_functions, parse, parse_function_options, underscored
from hfbench_nb.protocol.errors import ArgumentError, HfbenchError
from hfbench_nb.rendering.suggestions import did_you_mean
from hfbench_nb.worker.cell_code import CellCode, call

if TYPE_CHECKING:
    from hfbench_nb.execution.displays import Display
    from hfbench_nb.facade.benchmark_results import BenchmarkResults
    from hfbench_nb.frontends.widgets.control_panel import Panel


@magics_class
class HfbenchMagics(Magics):
    """Benchmarks from a notebook cell."""

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def hfbench(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        """Measure models, or the code of a cell, in separate processes.

        ``%hfbench pytorch --models gpt2 --sequence_lengths 8 32 [-o NAME] [-q]``
            Every command of the shell, with its options: ``%hfbench --help`` lists them, ``%hfbench pytorch --help``
            those of a command, and Tab completes them.  ``{expression}`` and ``$variable`` are expanded, lists to
            several words.  What the command returns is the value of the line, such as results, which are displayed as
            tables: ``results = %hfbench ...`` keeps them.

        ``%%hfbench [options] [set-up code]``
            Measures the code of the cell: time and peak memory.  The set-up runs once, outside the measurement;
            ``--pass NAME`` also sends a variable of the notebook; ``%%hfbench --help`` lists the options.

        ``-o NAME`` also stores the value in a variable; ``-q`` shows nothing, and needs ``-o``.
        """
        with _clear_errors():
            if cell is None:
                return self._carry_out(line, {**self._notebook, **(local_ns or {})})
            return self._measure_cell(line, cell)

    @property
    def _notebook(self) -> dict[str, Any]:
        """The variables of the notebook."""
        assert self.shell is not None
        variables: dict[str, Any] = self.shell.user_ns
        return variables

    def _carry_out(self, line: str, names: Mapping[str, Any], command: str = "") -> Any:
        """Carry out a command of the shell, whose name is the first word if it is not given."""
        from hfbench_nb.frontends.magic_commands import value_of

        output, words = _take_output_options(shlex.split(_expand(line, names)))
        if command:
            words.insert(0, command)
        if words or line.strip():
            _check_command(words[0] if words else "")
        parsed = parse(words or ["--help"], program="%hfbench", shared=[_OUTPUT])

        def keep(results: BenchmarkResults) -> str:
            name = output.output_name or "_hfbench"
            self._notebook[name] = results
            return name

        return self._give(value_of(parsed, _display(output), keep), output)

    def _measure_cell(self, line: str, cell: str) -> Any:
        from hfbench_nb.execution.functions import measure

        words, code = _split_options(line)
        output, words = _take_output_options(words)
        options = parse_function_options(words, "%%hfbench", [_OUTPUT])
        if not cell.strip():
            raise UsageError("The cell is empty: write the code to measure below its first line.")
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
        try:
            results = measure(call, cell_code, **arguments, display=_display(output))
        except ArgumentError as error:
            for name, value in cell_code.variables.items():
                if "function" in error.parameters and (why := why_not_sent(value)):
                    raise UsageError(f"--pass {name}: it cannot be sent: {why}. Create it in the set-up.") from None
            raise
        failure = results.entries[0][1].failure
        if failure is not None:
            print(failure.traceback or failure, file=sys.stderr)
        return self._give(results, output)

    def _passed(self, options: FunctionOptions) -> dict[str, Any]:
        for name in options.variables:
            if name not in self._notebook:
                raise UsageError(f"--pass {name}: the notebook has no variable of this name.")
        return {name: self._notebook[name] for name in options.variables}

    def _give(self, value: Any, output: argparse.Namespace) -> Any:
        if output.output_name is not None:
            self._notebook[output.output_name] = value
        return None if output.quiet else value

    @line_magic
    def hfbench_env(self, line: str) -> Any:
        """Show the environment in which models would be measured: of the framework named, or of each installed one."""
        with _clear_errors():
            return self._carry_out(line, self._notebook, "env")

    @line_magic
    def hfbench_estimate(self, line: str) -> Any:
        """Estimate the memory that models need, without running them: the options of the shell's ``hfbench estimate``.

        ``%hfbench_estimate --models gpt2 --batch_sizes 8 --budget_device T4``; the value of the line is shown as a
        table, and ``e = %hfbench_estimate ...`` keeps it.
        """
        with _clear_errors():
            return self._carry_out(line, self._notebook, "estimate")

    @line_magic
    def hfbench_panel(self, line: str) -> Panel:
        """Show a control panel, the value of the line: ``p = %hfbench_panel`` keeps it."""
        from hfbench_nb.frontends.widgets.making import panel

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
    """The options of every magic."""

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
        group = self.add_argument_group("In the notebook")
        group.add_argument("-o", dest="output_name", metavar="NAME", help="Store the value in a variable, too.")
        group.add_argument("-q", dest="quiet", action="store_true", help="Show nothing; needs -o.")

    @property
    def flags(self) -> list[str]:
        """The options that take no value."""
        return [word for action in self._actions if action.nargs == 0 for word in action.option_strings]

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


_OUTPUT = _OutputParser()
_HELP = ("-h", "--help")


def _take_output_options(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Remove ``-o NAME`` and ``-q``, which magics have in addition to the options of the shell, from the words."""
    output, rest = _OUTPUT.parse_known_args(words, argparse.Namespace(output_name=None, quiet=False))
    if output.output_name is not None and not output.output_name.isidentifier():
        raise UsageError(f"-o {output.output_name}: not a valid name of a variable.")
    if output.quiet and output.output_name is None:
        raise UsageError("-q shows nothing: keep the value with -o NAME.")
    return output, rest


def _check_command(word: str) -> None:
    known = commands(prints=False)
    if word not in (*known, *_HELP):
        hint = did_you_mean(word, known, most=1)
        raise UsageError(f"%hfbench {word}: the first word must be one of {', '.join(known)}.{hint}")


def _split_options(line: str) -> tuple[list[str], str]:
    """Split the first line of a measured cell into the words of its options and the set-up code that follows."""
    stream = io.StringIO(line)
    lexer = shlex.shlex(stream, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    flags = {*flags_of_functions(), *_OUTPUT.flags, *_HELP}
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


def _with_body(lines: list[str]) -> list[str]:
    """Let a measured cell without a body reach the magic, which can help; IPython refuses what has no second line."""
    if lines and re.match(r"%%hfbench\b", lines[0]) and not "".join(lines[1:]).strip():
        return [f"{lines[0].rstrip()}\n", "\n"]
    return lines


def load_ipython_extension(ipython: Any) -> None:
    """Register the magics and their completion; ``%load_ext hfbench`` calls this."""
    ipython.register_magics(HfbenchMagics)
    unload_ipython_extension(ipython)
    ipython.input_transformers_cleanup.append(_with_body)
    add_completion(ipython)
    start_early()


def unload_ipython_extension(ipython: Any) -> None:
    """Undo what `load_ipython_extension` has added to the shell beside the magics, which IPython keeps."""
    remove_completion(ipython)
    ipython.input_transformers_cleanup[:] = [
        each for each in ipython.input_transformers_cleanup if each is not _with_body
    ]
