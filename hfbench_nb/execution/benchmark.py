"""The benchmark of any framework: the only place that knows the whole path from arguments to results."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from hfbench_nb.arguments import checks
from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import axes_of
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.arguments.sweep import plan
from hfbench_nb.configurations.own_code import names_of
from hfbench_nb.configurations.run_models import models_of_run
from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.displays import Display, check_display, choose_display
from hfbench_nb.execution.executors import has_processes, make_executor, method_for
from hfbench_nb.execution.jobs import Claims, do_jobs
from hfbench_nb.execution.kept import Kept
from hfbench_nb.execution.machines import Cluster, Machine, MachineGone, ThisMachine, check_spread, spread_over
from hfbench_nb.execution.measuring import Measuring, OnCase
from hfbench_nb.execution.places import Places
from hfbench_nb.execution.progress import Progress
from hfbench_nb.execution.report_files import write_report_files
from hfbench_nb.execution.requirements import check_requirements
from hfbench_nb.execution.rounds import Rounds
from hfbench_nb.execution.sharing import Sharing
from hfbench_nb.execution.unequal import warn_of_differences
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.case import HOST, Case
from hfbench_nb.protocol.errors import ArgumentError, IsolationError, wrong_value
from hfbench_nb.protocol.request import Method
from hfbench_nb.rendering.suggestions import did_you_mean
from hfbench_nb.rendering.units import counted
from hfbench_nb.results.environment import Environment, summarize
from hfbench_nb.storage.journal import Contents
from hfbench_nb.storage.run_folders import RunFolder

_Args = TypeVar("_Args", bound=BenchmarkArguments)

OwnFunctions = Callable[..., Any] | Sequence[Callable[..., Any] | None] | None
"""A function of the user's for every model, or one per model."""

Plan = Callable[[Sequence[Case], Method, Sequence[Case]], Rounds]
"""Makes the rounds of a run: which cases are measured, and in which order."""


class Benchmark(Generic[_Args]):
    """Measures every case that the arguments span, each in a separate process.

    Parameters
    ----------
    args
        What to measure and how.
    configs
        Configurations (``transformers.PretrainedConfig``) or factories for the names in ``args.models``, in the same
        order; by default each name is looked up.  A factory is a function that returns a ``torch.nn.Module``; the
        worker calls it.  Where ``args.models`` is empty, factories have the names of their functions.
    inputs
        Makes the inputs: a function ``(batch_size, sequence_length) -> dict`` of tensors by argument of the forward
        pass, or a list with one per model; None for random ones, which only models of Transformers can have.
    loss
        What training minimises: a function of the model's outputs that returns a scalar tensor, or a list with one per
        model; None for the model's own, an output with ``.loss`` or a scalar.

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or a model is unknown.
    IsolationError
        If a package that the framework needs is not installed.

    Attributes
    ----------
    args
        The arguments.
    framework
        The name of the framework.
    cases
        The cases that they span, in the order of the sweep.
    models
        The models by name.
    places
        Where the cases are measured.
    search
        What the last run looked for beside that, as stored with its arguments; empty unless it was a search.
    results
        The finished cases, also after a run that was interrupted.
    """

    arguments_class: ClassVar[type[BenchmarkArguments]] = BenchmarkArguments

    def __init__(
        self,
        args: _Args | None = None,
        configs: Sequence[Any] | None = None,
        *,
        inputs: OwnFunctions = None,
        loss: OwnFunctions = None,
        **others: Any,
    ) -> None:
        name, takes = type(self).__name__, self.arguments_class.__name__
        if others:
            call = f"{name}({takes}({', '.join(f'{other}=...' for other in others)}))"
            hint = did_you_mean(next(iter(others)), ("configs", "inputs", "loss"))
            told = f".{hint}" if hint else f": it takes a {takes}, as in {call}."
            raise ArgumentError(f"{name} has no argument {next(iter(others))!r}{told}")
        if not isinstance(args, self.arguments_class):
            raise wrong_value("args", args, f"a {takes}")
        args.check()
        if args.is_tpu and args.memory:
            raise ArgumentError(
                "memory=True cannot be used on a TPU, whose memory is not measured: memory must be False "
                "(--no_memory), or tpu must be False (--no_tpu) to measure elsewhere.",
                "memory",
                "tpu",
            )
        if not args.models:
            args = replace(args, models=checks.names("models", names_of(configs)))
        self.args = args
        self.framework = FRAMEWORKS[args.framework].name
        self.models = {spec.name: spec for spec in models_of_run(args, configs, inputs, loss)}
        self.cases = plan(args)
        self.places = Places(self.cases, axes_of(args))
        for place in self.places:
            if place.get("python") is None:
                overlay = place.get("overlay")
                check_requirements(FRAMEWORKS[args.framework], None if overlay is None else str(overlay))
        self._cancellation = Cancellation()
        self._rounds = Rounds(self.cases, args.method())
        self._folder: Path | None = None
        self.search: dict[str, Any] = {}
        self.environment_info = Environment()

    def __repr__(self) -> str:
        name, planned = type(self).__name__, counted(len(self.cases), "case")
        done = sum(measurement.status != "cancelled" for _, measurement, _ in self._rounds.finished())
        nothing = f"{planned}, nothing measured yet: run() measures"
        return f"<{name}: {f'{done} of {planned} measured: results has them' if done else nothing}>"

    @property
    def results(self) -> BenchmarkResults:
        """The finished cases, in the order of the sweep, and what the rounds so far say of them."""
        finished = self._rounds.finished()
        return BenchmarkResults(
            [(case, measurement) for case, measurement, _ in finished],
            self.environment_info,
            self._arguments(),
            self._folder,
            [environment for *_, environment in finished],
        )

    def run(
        self,
        folder: str | os.PathLike[str] | None = None,
        resume: str | os.PathLike[str] | None = None,
        display: Display | None = None,
        *,
        executor: Any = None,
        on_case: OnCase = lambda case, measurement: None,
        spread: str = "cases",
    ) -> BenchmarkResults:
        """Measure every case, or only those that an earlier run has not measured.

        Each case is measured in ``args.rounds`` rounds, spread over the run: a first value of each is there early, and
        becomes more certain.  Runs on one machine alternate, case by case.

        Parameters
        ----------
        folder
            Where each round of a case is written before the next one starts; by default a new folder in the user's
            cache, which is removed when it is older than 30 days and not among the newest 100. It must not contain
            results. `load_results` reads it.
        resume
            The folder of a run to resume: missing cases are measured and added to it. Measured cases are kept, and so
            are those that ran out of memory or, unless `timeout_s` is greater now, out of time; those that were
            cancelled, failed for another reason or crashed are measured again. Models, sizes, tasks and axes
            (``dtype`` ...) may have other values than before; the results contain the cases requested now, and the
            folder contains all of them.
        display
            Where progress is shown; by default the notebook or the terminal.
        executor
            Where and how cases are measured: ``local`` (the default: each in a process forked by a worker server),
            ``fresh`` (each in a new interpreter), ``in_process``, another registered name, or an executor object; or
            on the machines of a cluster: a ``dask.distributed.Client``, or the address of its scheduler.
        on_case
            Called with each case and what its rounds say so far, after each round of it; not for those that are kept.
        spread
            How the machines of a cluster share the run: ``cases`` (each case is measured on one of them, which should
            be equal) or ``hosts`` (each of them measures every case).

        Returns
        -------
        BenchmarkResults
            One row per case, in the order of the sweep; a case that failed has a status and a message.

        Raises
        ------
        ArgumentError
            If `on_case` cannot be called, the folder cannot be used, or `resume` was measured with other arguments,
            other configurations, on another machine or with other versions; the message says what differs.
        IsolationError
            If the framework or the device does not exist, or no machine of a cluster is left; `results` has what was
            finished.
        KeyboardInterrupt
            If the user stopped the run; `results` has what was finished.
        """
        self.search = {}
        return self.carry_out(Rounds, folder, resume, display, executor=executor, on_case=on_case, spread=spread)

    def carry_out(
        self,
        plan: Plan,
        folder: str | os.PathLike[str] | None,
        resume: str | os.PathLike[str] | None,
        display: Display | None,
        *,
        executor: Any,
        on_case: OnCase,
        spread: str = "",
    ) -> BenchmarkResults:
        """Measure the cases that a plan asks for; the other parameters are those of `run`.

        Without `spread`, a single machine of a cluster measures one case after the other.
        """
        self.args.check()
        if not callable(on_case):
            raise wrong_value("on_case", on_case, "a function of a case and its measurement")
        check_display(display)
        chosen = make_executor(executor, isolated=self.args.do_multi_processing)
        check_spread(spread, chosen, isolated=self.args.do_multi_processing)
        self._method = method_for(chosen, self.args.method())
        self._rounds = Rounds(self.cases, self._method)
        self._cancellation = Cancellation()
        with RunFolder(folder, resume) as run_folder:
            machines = chosen.machines() if isinstance(chosen, Cluster) else []
            cases = spread_over(machines, self.cases, spread) if machines and spread else self.cases
            shown = display or choose_display(verbose=self.args.verbose)
            progress = Progress(cases, shown, self._method.rounds, is_apart=has_processes(chosen))
            machines = (machines if spread else machines[:1]) or [ThisMachine(chosen, progress)]
            progress.machines = len(machines)
            try:
                self.places.ask(machines, self.args, [*self.models.values()], progress.follow, self._cancellation)
                warn_of_differences(self.places.environments, are_shared=spread == "cases")
                self._measure(machines, cases, plan, run_folder, progress, on_case)
            except Cancelled:  # from another thread, which reads the results itself
                pass
            except KeyboardInterrupt:
                raise self._kept(cases).interruption() from None
            except MachineGone as error:
                raise IsolationError(f"{error} {self._kept(cases)}") from None
            finally:
                progress.close()
                write_report_files(self.args, self.results)
                for machine in machines:
                    machine.release()
        return self.results

    def cancel(self) -> None:
        """Stop a run in another thread; it returns the finished cases."""
        self._cancellation.cancel()

    def _arguments(self) -> dict[str, Any]:
        return {**self.args.to_dict(), **self.search}

    def _kept(self, cases: Sequence[Case]) -> Kept:
        return Kept.of(self._rounds, None if self.search else len(cases), self._folder)

    def _measure(
        self, machines: Sequence[Machine], cases: Sequence[Case], plan: Plan, run_folder: RunFolder,
        progress: Progress, on_case: OnCase,
    ) -> None:  # fmt: skip
        """Measure the cases on machines whose places are known."""
        sharing = Sharing(FRAMEWORKS[self.framework], self._method, self.models, self.places, cases)
        owners = self._begin(plan, cases, sharing.order(cases), run_folder, progress)
        claims = Claims({case: owner for case, owner in owners.items() if owner in {each.name for each in machines}})
        measuring = Measuring(
            self.framework, self.models, self._method, self.args.timeout_s, self.places, sharing, self._rounds,
            run_folder, progress, on_case, self._cancellation,
        )  # fmt: skip
        do_jobs(machines, self._rounds, claims, measuring.measure, measuring.record, self._cancellation)

    def _begin(
        self, plan: Plan, cases: Sequence[Case], order: Sequence[Case], run_folder: RunFolder, progress: Progress
    ) -> dict[Case, str]:
        """Write the head of the journal; take over what is kept of an earlier run; return who measured it."""
        self.environment_info = summarize(self.places.environments)
        self._rounds = plan(cases, self._method, order)
        configurations = {name: spec.identity for name, spec in self.models.items()}
        wanted = Contents([*self.places.environments], self._arguments(), configurations)
        kept = run_folder.begin(wanted, cases, type(self.args), list(self.places))
        for case, (measurements, facts) in kept.items():
            self._rounds.keep(case, measurements, Environment(facts))
            progress.keep(case, self._rounds.left(case), measurements)
        self._folder = run_folder.path
        return {case: str(facts.get(HOST, "")) for case, (_, facts) in kept.items()}
