"""Doing the jobs of a run: the case of each is measured on a machine, and written to disk before the next one there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.machines import Machine, MachineGone, MachineLost, crashed
from hfbench_nb.execution.places import Places
from hfbench_nb.execution.progress import Progress
from hfbench_nb.execution.rounds import Job, Rounds
from hfbench_nb.execution.sharing import Sharing
from hfbench_nb.protocol.case import HOST, Case, Settings
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.request import Method, ModelSpec, Request
from hfbench_nb.storage.journal import Entry
from hfbench_nb.storage.run_folders import RunFolder

OnCase = Callable[[Case, Measurement], None]
"""Called with each case whenever a round of it is finished, before the next one starts."""


@dataclass(frozen=True)
class Measuring:
    """Does the jobs of a run, and records what came back.

    Attributes
    ----------
    framework, models, method, timeout_s
        What is measured and how.
    places, sharing
        Where, and which cases share a model.
    rounds, run_folder
        What has been measured, in memory and on disk.
    progress, on_case
        Are told of it.
    cancellation
        Carries the request to stop.
    """

    framework: str
    models: Mapping[str, ModelSpec]
    method: Method
    timeout_s: float
    places: Places
    sharing: Sharing
    rounds: Rounds
    run_folder: RunFolder
    progress: Progress
    on_case: OnCase
    cancellation: Cancellation

    def measure(self, job: Job, machine: Machine) -> Measurement:
        """Measure the case of a job on a machine, and wait for it.

        Raises
        ------
        MachineLost, MachineGone
            If the machine was lost.
        KeyboardInterrupt, Cancelled
            If the user stopped it.
        """
        case = job.case
        unusable = self.places.failure(case, machine.name)
        if unusable is not None:
            self.progress.begin(case, job.round, machine.name)
            return Measurement("error", failure=unusable)
        method = self.method.of_round(job.round, self.run_folder.scratch_of(case))
        shared = self.sharing.of(case, job.round)
        request = Request(case, method, self.models[case.model], self.timeout_s, shared)
        follow = self.progress.following(case, job.round, machine.name)
        try:
            return machine.measure(self.framework, request, follow, self.cancellation)
        except (MachineLost, MachineGone):
            raise
        except IsolationError as error:
            return crashed(error)

    def record(self, job: Job, machine: Machine, measurement: Measurement) -> None:
        """Write a round of a case to disk, and tell what all of its rounds say."""
        case, number = job.case, self.places.number(job.case, machine.name)
        host = {HOST: machine.name} if HOST in case.settings else {}
        measurement = replace(
            measurement, round=job.round, resolved=Settings({**measurement.resolved, **host})
        )  # fmt: skip
        measurement = self.run_folder.add(Entry(case, measurement, number))
        merged = self.rounds.add(case, measurement, self.places.environments[number])
        if measurement.status == "cancelled":
            return
        self.progress.finish(case, measurement, machine.name)
        self.progress.expect(case, self.rounds.left(case))
        self.on_case(case, merged)
