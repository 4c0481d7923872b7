"""Executors: where and how the cases of a sweep are measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hfbench_nb.arguments.frameworks import Framework
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.huge_pages import check_huge_pages
from hfbench_nb.execution.in_process import CallingProcess
from hfbench_nb.execution.servers import FreshInterpreters, OnProgress, Workers, workers
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.peaks import Peaks
from hfbench_nb.protocol.registry import Registry, resolve
from hfbench_nb.protocol.request import Method, Request

LOCAL, FRESH, IN_PROCESS = "local", "fresh", "in_process"


class Executor(Protocol):
    """Measures cases, one at a time."""

    def environment(
        self, framework: Framework, settings: Settings, method: Method, cancellation: Cancellation
    ) -> dict[str, Any]:
        """Describe the framework and the device where cases with these settings are measured.

        Raises
        ------
        IsolationError
            If the framework or the device does not exist.
        """
        ...

    def measure(
        self, framework: Framework, request: Request, on_progress: OnProgress, cancellation: Cancellation
    ) -> Measurement:
        """Measure one case; a failure is a measurement, too.

        Raises
        ------
        IsolationError
            If no worker could be started.
        """
        ...


@dataclass(frozen=True)
class ExecutorKind:
    """An executor that can be chosen by name.

    Attributes
    ----------
    name
        Its name in ``run(executor=...)`` and in the shell.
    summary
        What it does, in a few words.
    make
        Creates one for a run.
    """

    name: str
    summary: str
    make: Callable[[], Executor]


@dataclass(frozen=True)
class ClusterKind:
    """A kind of cluster: something that people have and give as ``executor``.

    Attributes
    ----------
    name
        Its name.
    takes
        Returns whether a value stands for one.
    cluster
        Its class, ``module:name``, which is called with that value.
    summary
        What people give, in a few words.
    """

    name: str
    takes: Callable[[object], bool]
    cluster: str
    summary: str


class LocalExecutor:
    """Measures on this machine, each case in a separate process.

    Parameters
    ----------
    find_workers
        Returns the workers for a framework, an interpreter, an overlay, and whether they ask for huge pages.
    """

    def __init__(self, find_workers: Callable[[Framework, str | None, str | None, bool], Workers] = workers) -> None:
        self._find_workers = find_workers
        self._used: dict[int, Workers] = {}

    def environment(
        self, framework: Framework, settings: Settings, method: Method, cancellation: Cancellation
    ) -> dict[str, Any]:
        """Describe the framework and the device where cases with these settings are measured."""
        if settings.get("huge_pages"):
            check_huge_pages()
        return self.workers_for(framework, settings).environment(settings, method, cancellation)

    def measure(
        self, framework: Framework, request: Request, on_progress: OnProgress, cancellation: Cancellation
    ) -> Measurement:
        """Measure one case."""
        used = self.workers_for(framework, request.case.settings)
        self._used[id(used)] = used
        return used.measure(request, on_progress, cancellation)

    def peaks(self, framework: Framework, settings: Settings, method: Method, cancellation: Cancellation) -> Peaks:
        """Measure what the device can do at most."""
        return self.workers_for(framework, settings).peaks(settings, method, cancellation)

    def release(self) -> None:
        """Drop models that were built for several cases."""
        for used in self._used.values():
            used.release()
        self._used.clear()

    def workers_for(self, framework: Framework, settings: Settings) -> Workers:
        """Return what measures cases with these settings."""
        python, overlay = (
            None if (value := settings.get(name)) is None else str(value) for name in ("python", "overlay")
        )
        return self._find_workers(framework, python, overlay, bool(settings.get("huge_pages")))


def method_for(executor: Executor, method: Method) -> Method:
    """Return how an executor measures: where all rounds would be in one process, there is one."""
    return method if has_processes(executor) else replace(method, rounds=1)


def has_processes(executor: Executor) -> bool:
    """Return whether an executor measures in processes of their own."""
    return not getattr(executor, "has_one_process", False)


def release(executor: Executor) -> None:
    """Let an executor drop what it keeps for further cases of a run, if it does."""
    if hasattr(executor, "release"):
        executor.release()


EXECUTORS: Registry[ExecutorKind] = Registry("executor")
EXECUTORS.register(
    ExecutorKind(LOCAL, "on this machine, each case in a process that a worker server forks", LocalExecutor)
)
EXECUTORS.register(
    ExecutorKind(FRESH, "on this machine, each case in a new interpreter", lambda: LocalExecutor(FreshInterpreters))
)
EXECUTORS.register(ExecutorKind(IN_PROCESS, "in this process, for debugging", CallingProcess))


def _is_of_dask(value: object) -> bool:
    is_address = isinstance(value, str) and "://" in value
    return is_address or type(value).__module__.partition(".")[0] == "distributed"


CLUSTERS: Registry[ClusterKind] = Registry("kind of cluster")
CLUSTERS.register(
    ClusterKind(
        "dask",
        _is_of_dask,
        "hfbench_nb.execution.dask_cluster:DaskCluster",
        "a client of Dask or the address of its scheduler, such as 'tcp://node-1:8786'",
    )
)


def named_clusters() -> str:
    """Return what stands for a cluster, in words."""
    return " or ".join(kind.summary for kind in CLUSTERS)


def make_executor(chosen: Any, *, isolated: bool = True) -> Any:
    """Return an executor, or a cluster.

    Parameters
    ----------
    chosen
        Name of a registered executor, an executor, what stands for a cluster, or None for the default.
    isolated
        Whether the default measures each case in a separate process.

    Raises
    ------
    ArgumentError
        If there is no executor of this name.
    """
    if chosen is None:
        chosen = LOCAL if isolated else IN_PROCESS
    for kind in CLUSTERS:
        if kind.takes(chosen):
            return resolve(kind.cluster)(chosen)
    named = f"{' or '.join(map(repr, EXECUTORS.names))}, or {named_clusters()}"
    if isinstance(chosen, str):
        if chosen not in EXECUTORS:
            raise wrong_value("executor", chosen, named)
        return EXECUTORS[chosen].make()
    if hasattr(chosen, "machines") or (hasattr(chosen, "measure") and hasattr(chosen, "environment")):
        return chosen
    raise wrong_value("executor", chosen, f"an executor, {named}")
