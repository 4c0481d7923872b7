"""The console command ``hfbench``."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

from hfbench_nb.frontends.commands import EnvOptions, MeasureCommand, ModelsOptions, OverlayOptions, PlotOptions
from hfbench_nb.frontends.options import HelpShown, parse
from hfbench_nb.protocol.errors import ArgumentError, HfbenchError
from hfbench_nb.storage.files import replace_file

SUCCESS, FAILURE, MISUSE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console command.

    Parameters
    ----------
    argv
        The words of the command line; by default those of this process.

    Returns
    -------
    int
        Exit code: 0, 1 if every case failed or nothing could be measured, 2 for bad usage, 130 if interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        from hfbench_nb.results.environment import tool_version

        print(f"hfbench {tool_version()}")
        return SUCCESS
    try:
        return run_command(parse(words or ["--help"]))
    except HelpShown as shown:
        print(shown.text, end="", file=sys.stderr if shown.code else sys.stdout)
        return shown.code
    except ArgumentError as error:
        print(f"hfbench: {error}", file=sys.stderr)
        return MISUSE
    except HfbenchError as error:
        print(f"hfbench: {error}", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        print("hfbench: interrupted", file=sys.stderr)
        return INTERRUPTED


@singledispatch
def run_command(command: object) -> int:
    """Run a parsed command; return the exit code."""
    raise TypeError(f"no command: {command!r}")


@run_command.register
def _(command: MeasureCommand) -> int:
    from hfbench_nb.execution.benchmark import make_benchmark

    benchmark = make_benchmark(command.arguments)
    try:
        results = benchmark.run(**vars(command.options))
    except KeyboardInterrupt:
        print(benchmark.results)
        raise
    print(results)
    return SUCCESS if any(measurement.succeeded for _, measurement in results.entries) else FAILURE


@run_command.register
def _(command: PlotOptions) -> int:
    import matplotlib.figure

    from hfbench_nb.facade.loading import read_csv

    task = "training" if command.is_train else "inference"
    values = "time_s" if command.is_time else "memory_mb"
    along = "batch_size" if command.plot_along_batch else "sequence_length"
    results = read_csv(command.csv_file, values=values, task=task)
    figure = matplotlib.figure.Figure(figsize=(7.5, 4.8), layout="constrained")
    ax = figure.subplots()
    results.plot(values, along, log=command.log_scale, labels=command.short_model_names, ax=ax)
    ax.set_title(f"{'Time' if command.is_time else 'Memory'} of {task}")
    target = Path(command.figure_png_file or f"{command.csv_file}.png")
    picture = io.BytesIO()
    try:
        figure.savefig(picture, format=target.suffix[1:] or None, dpi=150)
        replace_file(target, picture.getvalue())
    except (OSError, ValueError) as error:
        raise ArgumentError(f"figure_png_file={str(target)!r} cannot be written: {error}", "figure_png_file") from error
    print(target)
    return SUCCESS


@run_command.register
def _(command: ModelsOptions) -> int:
    import pandas as pd

    from hfbench_nb.configurations.catalog.listing import models

    listed = models(command.search)
    width = max(len(name) for name in listed["model"]) + 2
    heading = ("Family", "Task", "Parameters", "float32 MB", "16-bit MB", "Positions")
    print(f"{'Model':<{width}}{heading[0]:<13}{heading[1]:<24}" + "".join(f"{title:>15}" for title in heading[2:]))
    for row in listed.itertuples():
        positions = "" if row.positions is pd.NA else f"{row.positions:,}"
        print(
            f"{row.model:<{width}}{row.family:<13}{row.task:<24}{row.parameters:>15,}{row.float32_mb:>15,.0f}"
            f"{row.bfloat16_mb:>15,.0f}{positions:>15}"
        )
    return SUCCESS


@run_command.register
def _(command: EnvOptions) -> int:
    from hfbench_nb.arguments.frameworks import FRAMEWORKS
    from hfbench_nb.execution.cancellation import Cancellation
    from hfbench_nb.execution.executors import make_executor
    from hfbench_nb.protocol.case import Settings
    from hfbench_nb.protocol.request import Method
    from hfbench_nb.results.environment import describe, machine_facts

    facts = make_executor(None).environment(FRAMEWORKS["PyTorch"], Settings(), Method(), Cancellation())
    print(describe(facts, machine_facts()))
    return SUCCESS


@run_command.register
def _(command: OverlayOptions) -> int:
    from hfbench_nb.execution.requirements import install_tensorflow_overlay

    install_tensorflow_overlay(Path(command.folder))
    print(f"Measure with it: hfbench {command.framework} --overlay {command.folder} --models ...")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
