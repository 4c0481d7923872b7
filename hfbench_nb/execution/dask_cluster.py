"""Measuring on the machines of a Dask cluster: the notebook's side."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hfbench_nb.execution.dask_discovery import look
from hfbench_nb.execution.dask_machine import DaskMachine
from hfbench_nb.execution.machines import Machine
from hfbench_nb.protocol.errors import IsolationError, warn, wrong_value
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.results.environment import tool_version

CONNECT_TIMEOUT_S = 10.0


class DaskCluster:
    """The machines of a Dask cluster, each with its own worker servers and machine lock.

    Parameters
    ----------
    client
        A ``dask.distributed.Client``, or the address of a scheduler.

    Raises
    ------
    ArgumentError
        If the client cannot be used.
    IsolationError
        If Dask is not installed, or the scheduler does not answer.
    """

    def __init__(self, client: Any) -> None:
        if isinstance(client, str):
            client = _connected(client)
        elif hasattr(client, "get_client"):  # a cluster, such as a LocalCluster
            client = client.get_client()
        if getattr(client, "asynchronous", True) or client.status != "running":
            raise wrong_value("executor", client, "a client of Dask that is connected and not asynchronous")
        self._client = client

    def machines(self) -> list[Machine]:
        """Return the machines that are there, of which each has at least one worker.

        Raises
        ------
        IsolationError
            If there is none that can measure.
        """
        found, problems = look(self._client)
        if problems:
            warn(f"Workers of the cluster that cannot measure are left out: {'; '.join(problems)}.")
        if not found:
            raise IsolationError(
                f"No worker of {self._client} can measure: {'; '.join(problems) or 'there is none'}. On each machine, "
                f"hfbench_nb {tool_version()} must be installed, and `dask worker` run."
            )
        names = _names(found)
        machines = [DaskMachine(self._client, names[identity], worker) for identity, worker in found.items()]
        return sorted(machines, key=lambda machine: machine.name)


def _connected(address: str) -> Any:
    try:
        make_client = resolve("distributed:Client")
    except ImportError as error:
        raise IsolationError(
            f"executor={address!r} needs Dask, which is not installed: pip install 'hfbench-nb[dask]'."
        ) from error
    try:
        return make_client(address, timeout=CONNECT_TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise IsolationError(f"The scheduler {address} does not answer: {error}") from error


def _names(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return a name for each machine, which does not depend on which others there are, if that is possible.

    It is that of the machine, with that of its worker if somebody has given it one.
    """
    names = {
        identity: worker["hostname"] if "://" in worker["name"] else f"{worker['hostname']}/{worker['name']}"
        for identity, worker in sorted(found.items())
    }
    times: Counter[str] = Counter()
    for identity, name in names.items():
        times[name] += 1
        if times[name] > 1:
            names[identity] = f"{name}-{times[name]}"
    return names
