"""Machines: each measures one case at a time, this one or those of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.completing import measure_and_complete
from hfbench_nb.execution.executors import Executor, named_clusters, release
from hfbench_nb.execution.machine_lock import MachineLock, Waiting
from hfbench_nb.execution.servers import OnProgress
from hfbench_nb.protocol.case import ANY_HOST, HOST, Case, Settings
from hfbench_nb.protocol.errors import IsolationError, wrong_value
from hfbench_nb.protocol.measurement import Failure, Measurement
from hfbench_nb.protocol.request import Method, Request
from hfbench_nb.rendering.suggestions import no_such
from hfbench_nb.results.environment import machine_facts

SPREADS = ("cases", "hosts")
"""How the cases of a run are spread over the machines of a cluster."""


class MachineLost(IsolationError):
    """A machine was lost while it measured a case."""


class MachineGone(IsolationError):
    """A machine is not there any more: nothing was asked of it."""


class ClusterGone(MachineGone):
    """What leads to all of the machines is not there any more."""


def crashed(error: IsolationError) -> Measurement:
    """Return the measurement of a case for which there was no worker."""
    return Measurement("crashed", failure=Failure(type(error).__name__, str(error)))


class Machine(Protocol):
    """A machine that measures the cases of a run, one at a time.

    Attributes
    ----------
    name
        What the column ``host`` calls it; empty for this machine where the run has no other.
    """

    name: str

    def facts(self) -> dict[str, Any]:
        """Describe the machine, without its frameworks."""
        ...

    def environment(
        self, framework: str, settings: Settings, method: Method, on_progress: OnProgress, cancellation: Cancellation
    ) -> dict[str, Any]:
        """Describe the framework and the device with which it measures cases with these settings.

        Raises
        ------
        IsolationError
            If the framework or the device does not exist there.
        """
        ...

    def measure(
        self, framework: str, request: Request, on_progress: OnProgress, cancellation: Cancellation
    ) -> Measurement:
        """Measure one case while no other run measures there; ``{"event": "begin"}`` tells that it has begun.

        Raises
        ------
        MachineLost, MachineGone
            If the machine was lost meanwhile, or before.
        IsolationError
            If no worker could be started.
        """
        ...

    def release(self) -> None:
        """Drop what it keeps for further cases of the run."""
        ...


@runtime_checkable
class Cluster(Protocol):
    """An executor that measures on several machines."""

    def machines(self) -> list[Machine]:
        """Return the machines that are there.

        Raises
        ------
        IsolationError
            If there is none that can measure.
        """
        ...


class ThisMachine:
    """The machine of this process, whose runs alternate by the machine lock.

    Parameters
    ----------
    executor
        Measures the cases.
    progress
        Is told when this run waits for another.
    """

    name = ""

    def __init__(self, executor: Executor, progress: Waiting) -> None:
        self._executor = executor
        self._lock = MachineLock(progress)

    def facts(self) -> dict[str, Any]:
        """Describe the machine."""
        return machine_facts()

    def environment(
        self, framework: str, settings: Settings, method: Method, on_progress: OnProgress, cancellation: Cancellation
    ) -> dict[str, Any]:
        """Describe the framework and the device."""
        with self._lock.hold(cancellation.check):
            return self._executor.environment(FRAMEWORKS[framework], settings, method, cancellation)

    def measure(
        self, framework: str, request: Request, on_progress: OnProgress, cancellation: Cancellation
    ) -> Measurement:
        """Measure one case, and what completes it."""
        with self._lock.hold(cancellation.check):
            on_progress({"event": "begin"})
            return measure_and_complete(self._executor, framework, request, on_progress, cancellation)

    def release(self) -> None:
        """Drop what the executor keeps."""
        release(self._executor)


def check_spread(spread: str, executor: Executor | Cluster, *, isolated: bool = True) -> None:
    """Raise unless cases can be spread so; empty stands for a single machine.

    Raises
    ------
    ArgumentError
        If there is no such way, or only one machine; or if cases were not to be isolated, as they are on a cluster.
    """
    if spread not in ("", *SPREADS):
        raise no_such("spread", spread, SPREADS)
    if spread == "hosts" and not isinstance(executor, Cluster):
        raise wrong_value("spread", spread, f"'cases' unless executor is a cluster: {named_clusters()}")
    if isinstance(executor, Cluster) and not isolated:
        raise wrong_value("multi_process", False, "True on a cluster, whose machines measure in processes")


def spread_over(machines: Sequence[Machine], cases: Sequence[Case], spread: str) -> list[Case]:
    """Return the cases of a run on a cluster: each once, on any machine (``cases``), or on every one (``hosts``)."""
    hosts = [ANY_HOST] if spread == "cases" else [machine.name for machine in machines]
    return [replace(case, settings=Settings({**case.settings, HOST: host})) for case in cases for host in hosts]
