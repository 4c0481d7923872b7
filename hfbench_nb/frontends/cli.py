"""The console command ``hfbench``."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING

from hfbench_nb.arguments import checks
from hfbench_nb.frontends.commands import (
    CompareOptions,
    EnvOptions,
    EstimateCommand,
    FitCommand,
    MeasureCommand,
    ModelsOptions,
    OverlayOptions,
    PlotOptions,
    RunsOptions,
)
from hfbench_nb.frontends.options import HelpShown, parse
from hfbench_nb.frontends.streams import OutputLost, complain, open_closed_streams, say, warnings_as_lines
from hfbench_nb.protocol.errors import ArgumentError, HfbenchError
from hfbench_nb.storage.files import replace_file

if TYPE_CHECKING:
    from hfbench_nb.display.gate import Gate

SUCCESS, FAILURE, MISUSE, WORSE_THAN_ALLOWED, INTERRUPTED, OUTPUT_CLOSED = 0, 1, 2, 3, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console command.

    Parameters
    ----------
    argv
        The words of the command line; by default those of this process.

    Returns
    -------
    int
        Exit code: 0, 1 if every case failed, nothing could be measured or cases of a baseline are missing, 2 for bad
        usage, 3 if a case is worse than its baseline by more than allowed, 130 if interrupted, 141 if what reads the
        output has gone.
    """
    open_closed_streams()
    try:
        with warnings_as_lines():
            return _run(list(sys.argv[1:] if argv is None else argv))
    except ArgumentError as error:
        complain(f"hfbench: {error}")
        return MISUSE
    except HfbenchError as error:
        complain(f"hfbench: {error}")
        return FAILURE
    except OutputLost as error:
        if error.is_closed:
            return OUTPUT_CLOSED
        complain(f"hfbench: the output cannot be written: {error}")
        return FAILURE
    except KeyboardInterrupt as error:
        complain(f"hfbench: {getattr(error, 'for_shell', 'interrupted')}")
        return INTERRUPTED


def _run(words: list[str]) -> int:
    if words == ["--version"]:
        from hfbench_nb.results.environment import tool_version

        say(f"hfbench {tool_version()}")
        return SUCCESS
    try:
        command = parse(words or ["--help"], prints=True)
    except HelpShown as shown:
        (complain if shown.code else say)(shown.text, end="")
        return shown.code
    return run_command(command)


@singledispatch
def run_command(command: object) -> int:
    """Run a parsed command; return the exit code."""
    raise TypeError(f"no command: {command!r}")


@run_command.register
def _(command: MeasureCommand) -> int:
    from hfbench_nb.execution.benchmarks import make_benchmark

    benchmark = make_benchmark(command.arguments)
    try:
        results = benchmark.run(**command.of_run)
    except KeyboardInterrupt:
        say(command.printing.text(benchmark.results))
        raise
    say(command.printing.text(results))
    return SUCCESS if any(measurement.succeeded for _, measurement in results.entries) else FAILURE


@run_command.register
def _(command: EstimateCommand) -> int:
    from hfbench_nb.execution.benchmarks import estimate

    options = command.options
    found = estimate(command.arguments, budget_mb=options.budget_mb, device=options.budget_device)
    say(found.to_markdown() if options.format == "markdown" else found)
    return SUCCESS if any(needs is not None for _, needs in found.rows) else FAILURE


@run_command.register
def _(command: FitCommand) -> int:
    from hfbench_nb.execution.benchmarks import make_benchmark
    from hfbench_nb.execution.largest import find_largest

    results = find_largest(make_benchmark(command.arguments), **vars(command.fit), **vars(command.options))
    largest = results.largest
    say(largest)
    return SUCCESS if any(found.largest is not None for found in largest.found) else FAILURE


@run_command.register
def _(command: PlotOptions) -> int:
    say(save_plot(command))
    return SUCCESS


def save_plot(command: PlotOptions) -> Path:
    """Draw the plot of a CSV file; return the file that holds it.

    Raises
    ------
    ArgumentError
        If the CSV file cannot be read, or the plot cannot be written.
    """
    import matplotlib.figure

    from hfbench_nb.display.csv_export import content_of
    from hfbench_nb.facade.loading import read_csv
    from hfbench_nb.results.metrics import METRICS

    said = content_of(Path(command.csv_file))
    task = "training" if command.is_train else said[0] if said else "inference"
    fits = said is not None and said[1].is_of(task)
    metric = METRICS["time_s" if command.is_time else said[1].name if said and fits else "memory_mb"]
    along = "batch_size" if command.plot_along_batch else "sequence_length"
    results = read_csv(command.csv_file, values=metric.name, task=task)
    figure = matplotlib.figure.Figure(figsize=(7.5, 4.8), layout="constrained")
    ax = figure.subplots()
    results.plot(metric.name, along, log=command.log_scale, labels=command.short_model_names, ax=ax)
    ax.set_title(f"{metric.title} of {task}")
    target = Path(command.figure_png_file or f"{command.csv_file}.png")
    picture = io.BytesIO()
    try:
        figure.savefig(picture, format=target.suffix[1:] or None, dpi=150)
        replace_file(target, picture.getvalue())
    except (OSError, ValueError) as error:
        raise ArgumentError(f"figure_png_file={str(target)!r} cannot be written: {error}", "figure_png_file") from error
    return target


@run_command.register
def _(command: CompareOptions) -> int:
    from hfbench_nb.display.gate import FORMATS, WORSE

    gate = judge(command)
    say(FORMATS[command.format].write(gate))
    if gate.of(WORSE):
        return WORSE_THAN_ALLOWED
    return FAILURE if gate.missing and not command.allow_missing else SUCCESS


def judge(command: CompareOptions) -> Gate:
    """Compare a run with its baseline."""
    from hfbench_nb.display.gate import Gate
    from hfbench_nb.facade.loading import load_results

    baseline, current = load_results(command.baseline), load_results(command.current)
    comparison = current.compare(baseline, names=("current", "baseline")).of_metrics(command.metric or None)
    return Gate(comparison, command.limit)


@run_command.register
def _(command: ModelsOptions) -> int:
    import pandas as pd

    from hfbench_nb.configurations.catalog.listing import models

    listed = models(command.search)
    width = max(len(name) for name in listed["model"]) + 2
    heading = ("Family", "Task", "Parameters", "float32 MB", "16-bit MB", "Positions")
    say(f"{'Model':<{width}}{heading[0]:<13}{heading[1]:<24}" + "".join(f"{title:>15}" for title in heading[2:]))
    for row in listed.itertuples():
        positions = "" if row.positions is pd.NA else f"{row.positions:,}"
        say(
            f"{row.model:<{width}}{row.family:<13}{row.task:<24}{row.parameters:>15,}{row.float32_mb:>15,.0f}"
            f"{row.bfloat16_mb:>15,.0f}{positions:>15}"
        )
    return SUCCESS


@run_command.register
def _(command: RunsOptions) -> int:
    from hfbench_nb.facade.earlier_runs import describe_run, runs

    listed = runs()
    if listed.empty:
        say("No runs are stored in your cache.")
    for run in listed.to_dict("records"):
        say(describe_run(run))
        say(f"    {run['folder']}")
    return SUCCESS


@run_command.register
def _(command: EnvOptions) -> int:
    from hfbench_nb.execution.environments import describe_frameworks

    say(describe_frameworks(command.framework))
    return SUCCESS


@run_command.register
def _(command: OverlayOptions) -> int:
    from hfbench_nb.arguments.frameworks import framework_named
    from hfbench_nb.execution.requirements import install_overlay

    install_overlay(framework_named(command.framework), checks.path("folder", command.folder))
    say(f"Measure with it: hfbench {command.framework} --overlay {command.folder} --models ...")
    return SUCCESS
