"""One parser for the shell, the magics and the control panel, made from the fields of dataclasses.

A field that is added to an argument dataclass is an option everywhere.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union

import tyro

from hfbench_nb.arguments import PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments

PROGRAM = "hfbench"


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


Command = (
    PyTorchBenchmarkArguments | TensorFlowBenchmarkArguments | PlotOptions | ModelsOptions | EnvOptions | OverlayOptions
)

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
        Annotated[kind, tyro.conf.subcommand(name, description=_summary(kind), prefix_name=False)]
        for name, kind in _COMMANDS.items()
    )
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            command: Command = tyro.cli(
                Union[alternatives],  # noqa: UP007 - made at run time
                args=list(words),
                prog=PROGRAM,
                description="Measure time and memory of Hugging Face Transformers models.",
                config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes),
            )
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 2
        raise HelpShown(out.getvalue() + err.getvalue(), code) from None
    return command


def _summary(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]
