"""One parser for the shell, the magics and the control panel, made from the fields of dataclasses.

A field that is added to an argument dataclass is an option everywhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union

import tyro

from hfbench_nb.arguments.benchmark import BenchmarkArguments, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments

PROGRAM = "hfbench"


@dataclass(kw_only=True)
class RunOptions:
    """Where a run is kept: what `Benchmark.run` takes."""

    folder: str | None = field(
        default=None, metadata={"help": "Folder to keep the run in. By default a new one in the user's cache."}
    )
    resume: str | None = field(
        default=None, metadata={"help": "Folder of a run to go on with: only what is missing there is measured."}
    )


@dataclass(frozen=True)
class MeasureCommand:
    """Measure models: how, and where the run is kept."""

    arguments: BenchmarkArguments
    options: RunOptions


@dataclass(kw_only=True)
class PlotOptions:
    """Plot a CSV file that this benchmark, or the original, has written."""

    csv_file: str = field(metadata={"help": "The CSV file."})
    plot_along_batch: bool = field(default=False, metadata={"help": "Plot along batch size, not sequence length."})
    is_time: bool = field(default=False, metadata={"help": "The file holds times; without it, memory."})
    log_scale: bool = field(default=True, metadata={"help": "Logarithmic axes."})
    is_train: bool = field(default=False, metadata={"help": "The file is about training; without it, inference."})
    figure_png_file: str | None = field(
        default=None, metadata={"help": "Where to save the figure; by default beside the CSV file, with .png added."}
    )
    short_model_names: list[str] | None = field(default=None, metadata={"help": "Names for the legend, in order."})


@dataclass(kw_only=True)
class ModelsOptions:
    """List the models of the catalogue, which need no network: all, or ``hfbench models PART`` of a name."""

    search: str = field(default="", metadata={"help": "Part of a name or of a family."})


@dataclass(kw_only=True)
class EnvOptions:
    """Show the environment in which models would be measured."""


@dataclass(kw_only=True)
class OverlayOptions:
    """Install what a framework needs beside this environment, into a folder, for the argument `overlay`."""

    framework: tyro.conf.Positional[Literal["tensorflow"]] = field(metadata={"help": "The framework."})
    folder: tyro.conf.Positional[str] = field(metadata={"help": "The folder, which must be empty or not there."})


@dataclass(kw_only=True)
class FunctionOptions:
    """Measure the code of the cell, in a process of its own: time and peak memory."""

    setup: str = field(
        default="", metadata={"help": "Code that runs once, outside the measurement; or write it after the options."}
    )
    variables: Annotated[tyro.conf.UseAppendAction[list[str]], tyro.conf.arg(name="pass")] = field(
        default_factory=list, metadata={"help": "A variable of the notebook to send along; may be given several times."}
    )
    name: str = field(default="cell", metadata={"help": "Name in the results."})
    framework: str | None = field(
        default=None, metadata={"help": "pytorch or tensorflow: imported beforehand, so that it counts as baseline."}
    )
    speed: bool = field(default=True, metadata={"help": "Measure time."})
    memory: bool = field(default=True, metadata={"help": "Measure memory."})
    precision: float = field(
        default=0.02, metadata={"help": "Stop once the interval of the median is within this share of it."}
    )
    max_seconds: float = field(default=1.5, metadata={"help": "Stop timing after so many seconds, precise or not."})
    timeout_s: float = field(default=3600.0, metadata={"help": "Give up after so many seconds."})


Command = MeasureCommand | PlotOptions | ModelsOptions | EnvOptions | OverlayOptions

_COMMANDS: dict[str, type] = {
    "pytorch": PyTorchBenchmarkArguments,
    "tensorflow": TensorFlowBenchmarkArguments,
    "plot": PlotOptions,
    "models": ModelsOptions,
    "env": EnvOptions,
    "overlay": OverlayOptions,
}


class HelpShown(Exception):
    """The words ask for help, or are misused; `text` says what to print, `code` is the exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.text = text
        self.code = code

    @property
    def line(self) -> str:
        """What is wrong, in one line, without the frame and the help around it."""
        sections = [" ".join(part.split()) for part in re.split(r"(?m)^[\s╭╮╰╯─-]+$", self.text.replace("│", " "))]
        message = re.sub(r"^Error parsing \w+Arguments: ", "", sections[1] if len(sections) > 1 else sections[0])
        near = next((part for part in sections if part.startswith("Perhaps you meant")), "")
        return message + "".join(f" Perhaps you meant {option}?" for option in re.findall(r"--[\w-]+", near)[:1])


def parse(words: Sequence[str]) -> Command:
    """Make the argument object that the words of a command line describe.

    Parameters
    ----------
    words
        A command (``pytorch``, ``plot``, ``models`` ...) and its options.

    Raises
    ------
    HelpShown
        If help was asked for, or the options are not of the right form.
    ArgumentError
        If an option has a value that cannot be used.
    """
    if list(words[:1]) == ["models"] and words[1:2] and not words[1].startswith("-"):
        words = ["models", "--search", *words[1:]]
    alternatives: Any = tuple(
        Annotated[_with_run_options(kind), tyro.conf.subcommand(name, description=_summary(kind), prefix_name=False)]
        for name, kind in _COMMANDS.items()
    )
    command: Any = _parse(
        Union[alternatives],  # noqa: UP007 - made at run time
        words,
        PROGRAM,
        "Measure time and memory of Hugging Face Transformers models.",
    )
    if not isinstance(command, BenchmarkArguments):
        parsed: Command = command
        return parsed
    kind = next(kind for kind in _COMMANDS.values() if isinstance(command, kind))
    return MeasureCommand(_part(command, kind), _part(command, RunOptions))


def parse_function_options(words: Sequence[str], program: str) -> FunctionOptions:
    """Make the options of a measured cell; raises like `parse`."""
    options: FunctionOptions = _parse(FunctionOptions, words, program, None)
    return options


def _parse(kind: Any, words: Sequence[str], program: str, description: str | None) -> Any:
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return tyro.cli(
                kind,
                args=list(words),
                prog=program,
                description=description,
                config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes),
            )
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 2
        raise HelpShown(out.getvalue() + err.getvalue(), code) from None


def _with_run_options(kind: type) -> type:
    """Give a class for the parser: of measuring commands, with the fields of `RunOptions` beside the arguments'."""
    if not issubclass(kind, BenchmarkArguments):
        return kind
    flat = dataclasses.make_dataclass(kind.__name__, [], bases=(kind, RunOptions), kw_only=True)
    flat.__doc__ = kind.__doc__
    return flat


def _part(command: Any, kind: type) -> Any:
    return kind(**{f.name: getattr(command, f.name) for f in dataclasses.fields(kind)})


def _summary(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]
