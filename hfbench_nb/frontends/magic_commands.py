"""What each command of the shell is in a notebook: the value of the line, which the notebook displays."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

from hfbench_nb.execution.displays import Display
from hfbench_nb.frontends.commands import (
    CompareOptions,
    EnvOptions,
    EstimateCommand,
    FitCommand,
    MeasureCommand,
    ModelsOptions,
    PlotOptions,
    RunsOptions,
)
from hfbench_nb.protocol.errors import RunInterrupted

Keep = Callable[[Any], str]
"""Keeps the results of a run that was interrupted; returns the name of their variable."""


@singledispatch
def value_of(command: object, display: Display | None, keep: Keep) -> Any:
    """Carry out a command and return its value; what has none does and prints the same as in the shell.

    Parameters
    ----------
    command
        The parsed command.
    display
        Where progress is shown; None for the notebook.
    keep
        Called with the finished cases if the user interrupts.
    """
    from hfbench_nb.frontends.cli import run_command

    run_command(command)


@value_of.register
def _(command: MeasureCommand, display: Display | None, keep: Keep) -> Any:
    from hfbench_nb.execution.benchmarks import make_benchmark

    benchmark = make_benchmark(command.arguments)
    return _kept_if_interrupted(benchmark, lambda: benchmark.run(**command.of_run, display=display), keep)


@value_of.register
def _(command: FitCommand, display: Display | None, keep: Keep) -> Any:
    from hfbench_nb.execution.benchmarks import make_benchmark
    from hfbench_nb.execution.largest import find_largest

    benchmark = make_benchmark(command.arguments)
    given = {**vars(command.fit), **vars(command.options)}
    return _kept_if_interrupted(benchmark, lambda: find_largest(benchmark, **given, display=display).largest, keep)


def _kept_if_interrupted(benchmark: Any, run: Callable[[], Any], keep: Keep) -> Any:
    try:
        return run()
    except KeyboardInterrupt as error:
        name = keep(benchmark.results)
        raise RunInterrupted(f"{error} It is also in the variable {name}.".lstrip()) from None


@value_of.register
def _(command: EstimateCommand, display: Display | None, keep: Keep) -> Any:
    from hfbench_nb.execution.benchmarks import estimate

    options = command.options
    return estimate(command.arguments, budget_mb=options.budget_mb, device=options.budget_device, display=display)


@value_of.register
def _(command: PlotOptions, display: Display | None, keep: Keep) -> Any:
    from IPython.display import Image

    from hfbench_nb.frontends.cli import save_plot

    return Image(filename=str(save_plot(command)))  # type: ignore[no-untyped-call]


@value_of.register
def _(command: CompareOptions, display: Display | None, keep: Keep) -> Any:
    from hfbench_nb.frontends.cli import judge

    gate = judge(command)
    if command.limit is None and command.format == CompareOptions.format:
        return gate.comparison
    from hfbench_nb.display.gate import FORMATS

    print(FORMATS[command.format].write(gate))
    return None


@value_of.register
def _(command: ModelsOptions, display: Display | None, keep: Keep) -> Any:
    from hfbench_nb.configurations.catalog.listing import models

    return models(command.search)


@value_of.register
def _(command: RunsOptions, display: Display | None, keep: Keep) -> Any:
    from hfbench_nb.facade.earlier_runs import runs

    return runs()


@value_of.register
def _(command: EnvOptions, display: Display | None, keep: Keep) -> Any:
    from hfbench_nb.execution.environments import describe_frameworks

    return describe_frameworks(command.framework)
