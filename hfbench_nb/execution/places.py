"""The places of a run: interpreters, overlays and devices of each machine, each with its own environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import Axis
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.early import importing_pandas
from hfbench_nb.execution.machines import Machine
from hfbench_nb.execution.servers import OnProgress, WorkerEnded
from hfbench_nb.protocol.case import ANY_HOST, HOST, Case, Settings
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.measurement import Failure
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.results.environment import Environment, describe


class Places:
    """Where the cases of a run are measured.

    Parameters
    ----------
    cases
        The cases of the run.
    axes
        The axes of the arguments; only those that determine a place are used.

    Attributes
    ----------
    environments
        Facts about each place, after `ask`.
    """

    def __init__(self, cases: Sequence[Case], axes: Mapping[str, Axis]) -> None:
        self._names = [name for name, axis in axes.items() if axis.is_place]
        # The settings of the first case of each place: those that do not determine the place hardly matter.
        self._settings = {case.settings.only(self._names): case.settings for case in reversed(cases)}
        self._settings = dict(reversed(self._settings.items()))
        self.environments: list[Environment] = []
        self._failures: list[Failure | None] = []
        self._numbers: dict[tuple[str, Settings], int] = {}

    def __iter__(self) -> Iterator[Settings]:
        """Return the settings that determine each place, also which machine it is on."""
        if not self._numbers:
            return iter(self._settings)
        return (place_of(settings, machine) for machine, settings in self._numbers)

    def number(self, case: Case, machine: str = "") -> int:
        """Return the number of the place in which a case is measured, on a machine."""
        return self._numbers[machine, case.settings.only(self._names)]

    def failure(self, case: Case, machine: str = "") -> Failure | None:
        """Return why the place of a case cannot be used; None if it can."""
        return self._failures[self.number(case, machine)]

    def of(self, case: Case) -> list[Environment]:
        """Return the environment of a case on each machine that may measure it."""
        key = case.settings.only(self._names)
        return [
            self.environments[number]
            for (machine, settings), number in self._numbers.items()
            if settings == key and may_measure(machine, case)
        ]

    @importing_pandas()
    def ask(
        self,
        machines: Sequence[Machine],
        args: BenchmarkArguments,
        models: Sequence[ModelSpec],
        on_progress: OnProgress,
        cancellation: Cancellation,
    ) -> None:
        """Request the environment of each place.

        Raises
        ------
        IsolationError
            If none of them can be used.
        """
        self.environments, self._failures, self._numbers = [], [], {}
        errors = []
        for machine in machines:
            machine_facts = machine.facts()
            for place, settings in self._settings.items():
                facts = {}
                try:
                    facts = self._environment(machine, args, settings, on_progress, cancellation)
                    self._failures.append(None)
                except IsolationError as error:
                    errors.append(error)
                    self._failures.append(Failure(type(error).__name__, str(error)))
                self._numbers[machine.name, place] = len(self.environments)
                host = {HOST: machine.name} if machine.name else {}
                run_facts = {"dtype": settings.get("dtype"), **_run_facts(args, models)}
                self.environments.append(describe(facts, machine_facts, run_facts, host))
        if len(errors) == len(self._failures):
            raise errors[0]

    def _environment(
        self,
        machine: Machine,
        args: BenchmarkArguments,
        settings: Settings,
        on_progress: OnProgress,
        cancellation: Cancellation,
    ) -> dict[str, Any]:
        """Request the environment of one place.

        Settings that end the worker, such as more threads than the system allows, cost their cases and not the run.
        """
        framework = FRAMEWORKS[args.framework].name
        try:
            return machine.environment(framework, settings, args.method(), on_progress, cancellation)
        except WorkerEnded:
            only = settings.only(self._names)
            return machine.environment(framework, only, args.method(), on_progress, cancellation)


def may_measure(machine: str, case: Case) -> bool:
    """Return whether a case may be measured on a machine: on any, or on that which it names."""
    return case.settings.get(HOST, ANY_HOST) in (ANY_HOST, machine)


def place_of(settings: Settings, machine: str) -> Settings:
    """Return the settings that determine a place, with the machine that it is on, if there are several."""
    return Settings({**settings, HOST: machine}) if machine else settings


def _run_facts(args: BenchmarkArguments, models: Sequence[ModelSpec]) -> dict[str, object]:
    return {
        "fp16": args.fp16,
        "use_multiprocessing": args.do_multi_processing,
        "only_pretrain_model": args.only_pretrain_model,
        "use_tpu": args.is_tpu,
        "configurations_from": {model.name: model.source for model in models},
    }
