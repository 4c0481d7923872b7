"""The commands of the console and the magics: one dataclass per command, whose fields are its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hfbench_nb.analysis.budgets import THIS, accelerators, check_budget
from hfbench_nb.analysis.largest import sizes
from hfbench_nb.arguments import checks
from hfbench_nb.arguments.benchmark import PLACE, BenchmarkArguments
from hfbench_nb.arguments.fields import REQUIRED, option
from hfbench_nb.arguments.frameworks import frameworks_with_models
from hfbench_nb.arguments.measurement import FunctionArguments
from hfbench_nb.display.gate import FORMATS
from hfbench_nb.execution.executors import EXECUTORS
from hfbench_nb.execution.machines import SPREADS
from hfbench_nb.frontends.run_options import ClusterOptions, PrintOptions, RunOptions
from hfbench_nb.protocol.errors import ArgumentError, wrong_value


@dataclass(frozen=True)
class MeasureCommand:
    """Measure models: how, where the run is stored, and how the shell prints the results."""

    arguments: BenchmarkArguments
    options: RunOptions
    cluster: ClusterOptions = field(default_factory=ClusterOptions)
    printing: PrintOptions = field(default_factory=PrintOptions)

    def __post_init__(self) -> None:
        self.printing.check(self.arguments)
        if self.cluster.scheduler is not None and self.options.executor is not None:
            raise ArgumentError(
                f"executor={self.options.executor!r} and scheduler={self.cluster.scheduler!r} contradict each other: "
                "give one of them.",
                "executor",
                "scheduler",
            )

        is_alone = self.cluster.scheduler is None and self.options.executor in (None, *EXECUTORS.names)
        if is_alone and self.cluster.spread != SPREADS[0]:
            raise wrong_value("spread", self.cluster.spread, f"{SPREADS[0]!r} unless scheduler names a cluster")

    @property
    def of_run(self) -> dict[str, Any]:
        """The arguments of `Benchmark.run`."""
        executor = self.cluster.scheduler or self.options.executor
        return {**vars(self.options), "executor": executor, "spread": self.cluster.spread}


@dataclass(kw_only=True)
class EstimateOptions:
    """Estimate the memory that models need, without running them and without that memory (PyTorch)."""

    budget_mb: float | None = option(
        None, "How much memory there is, MB: the estimate then says what fits.", group=PLACE
    )
    budget_device: str | None = option(
        None,
        "The same by the name of a well-known accelerator, such as T4, or `this` for this machine.",
        group=PLACE,
        suggestions=lambda: [THIS, *accelerators()],
    )
    format: str = option("text", "Form of the output.", ("text", "markdown"))


@dataclass(frozen=True)
class EstimateCommand:
    """Estimate what models need."""

    arguments: BenchmarkArguments
    options: EstimateOptions

    def __post_init__(self) -> None:
        check_budget(self.options.budget_mb, self.options.budget_device, "budget_device")


@dataclass(kw_only=True)
class FitOptions:
    """Find the largest batch, length or number of new tokens that really runs within a limit of memory (PyTorch)."""

    what: str = option(REQUIRED, "The size that is looked for; its own option does not count.", tuple(sizes()))
    limit_mb: float | None = option(
        None, "How much memory a case may need, MB. By default what this machine, its container or the device has."
    )
    maximum: int | None = option(None, "The largest size to try. By default 65536.")


@dataclass(frozen=True)
class FitCommand:
    """Find the largest size that runs: of which models, where the probes are stored, and what is looked for."""

    arguments: BenchmarkArguments
    options: RunOptions
    fit: FitOptions


@dataclass(kw_only=True)
class PlotOptions:
    """Plot a CSV file written by this benchmark or the original."""

    csv_file: str = option(REQUIRED, "The CSV file.")
    plot_along_batch: bool = option(False, "Plot along batch size, not sequence length.")
    is_time: bool = option(
        False, "The file holds times. By default what its name says, as in train_time.csv; otherwise memory."
    )
    log_scale: bool = option(True, "Logarithmic axes.")
    is_train: bool = option(
        False, "The file is about training. By default about what its name says; otherwise inference."
    )
    figure_png_file: str | None = option(
        None, "Where to save the figure; by default next to the CSV file, with .png added."
    )
    short_model_names: list[str] | None = option(None, "Names for the legend, in order.")


@dataclass(kw_only=True)
class ModelsOptions:
    """List the models of the catalogue, which need no network: all, or those with SEARCH in their name or family."""

    search: str = option("", "Part of a name or of a family.", positional=True)


@dataclass(kw_only=True)
class RunsOptions:
    """List the runs that are stored in the user's cache, the newest first: for --resume, and for load_results."""


@dataclass(kw_only=True)
class EnvOptions:
    """Show the environment in which models would be measured: with FRAMEWORK, or with each that is installed."""

    framework: str | None = option(
        None, "The framework.", positional=True, suggestions=lambda: [f.command for f in frameworks_with_models()]
    )


@dataclass(kw_only=True)
class OverlayOptions:
    """Install what a framework needs into a folder outside this environment, for the argument `overlay`."""

    framework: str = option(
        REQUIRED,
        "The framework.",
        tuple(framework.command for framework in frameworks_with_models() if framework.requirements),
        positional=True,
    )
    folder: str = option(REQUIRED, "The folder, which must be empty or not exist.", positional=True)


@dataclass(kw_only=True)
class CompareOptions:
    """Compare a stored run with a baseline, and fail if a case is worse: exit code 3."""

    baseline: str = option(REQUIRED, "Folder of the baseline.", positional=True)
    current: str = option(REQUIRED, "Folder of the current run.", positional=True)
    fail_above: str | None = option(
        None,
        "Fail if a case is worse than the baseline by more than this, such as 5%, and its 95 % interval says so. Cases "
        "for which that cannot be told are listed.",
    )
    metric: list[str] = option([], "Metrics to compare, such as time_s,memory_mb. By default all that both runs have.")
    format: str = option("text", "Form of the output.", tuple(FORMATS.names))
    allow_missing: bool = option(False, "Accept that cases of the baseline are missing in the current run.")

    def __post_init__(self) -> None:
        self.metric = [name for word in self.metric for name in word.split(",") if name]

    @property
    def limit(self) -> float | None:
        """The share by which a case may be worse; None if there is no limit.

        Raises
        ------
        ArgumentError
            If it is not a number of percent.
        """
        if self.fail_above is None:
            return None
        try:
            percent: object = float(self.fail_above.strip().removesuffix("%"))
        except ValueError:
            percent = self.fail_above
        return checks.share_of_percent("fail_above", percent)


@dataclass(kw_only=True)
class FunctionOptions(FunctionArguments):
    """Measure the code of the cell in a separate process: time and peak memory."""

    name: str = option("cell", "Name in the results.")
    setup: str = option("", "Code that runs once, outside the measurement; or write it after the options.")
    variables: list[str] = option(
        [], "A variable of the notebook to send to the process; may be given several times.", spelling="pass"
    )


Command = (
    MeasureCommand
    | EstimateCommand
    | FitCommand
    | PlotOptions
    | CompareOptions
    | ModelsOptions
    | RunsOptions
    | EnvOptions
    | OverlayOptions
)


@dataclass(frozen=True)
class CommandKind:
    """A command of the shell.

    Attributes
    ----------
    parts
        The dataclasses whose fields are its options.
    make
        Makes the command of an object of each.
    described_by
        The dataclass whose first line of documentation describes it; by default the first part.
    """

    parts: tuple[type, ...]
    make: Callable[..., Command] = lambda options: options
    described_by: type | None = None

    @property
    def summary(self) -> str:
        """What the command does, in a line."""
        return ((self.described_by or self.parts[0]).__doc__ or "").strip().splitlines()[0]


def commands(*, prints: bool) -> dict[str, CommandKind]:
    """Return the commands by name: one per registered framework, and the others.

    Parameters
    ----------
    prints
        Whether results will be printed, so that there are options for that.
    """
    estimated = next(each.arguments_class for each in frameworks_with_models() if each.estimating_backend)
    run_parts = (RunOptions, ClusterOptions, *((PrintOptions,) if prints else ()))
    return {
        **{
            framework.command: CommandKind((framework.arguments_class, *run_parts), MeasureCommand)
            for framework in frameworks_with_models()
        },
        "estimate": CommandKind((estimated, EstimateOptions), EstimateCommand, EstimateOptions),
        "fit": CommandKind((estimated, RunOptions, FitOptions), FitCommand, FitOptions),
        "plot": CommandKind((PlotOptions,)),
        "compare": CommandKind((CompareOptions,)),
        "models": CommandKind((ModelsOptions,)),
        "runs": CommandKind((RunsOptions,)),
        "env": CommandKind((EnvOptions,)),
        "overlay": CommandKind((OverlayOptions,)),
    }
