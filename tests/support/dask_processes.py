"""A Dask scheduler and workers in processes of their own; each worker has its own temporary folder: its own machine."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hfbench_nb.execution.displays import NoDisplay
from support.places import ROOT, TESTS
from support.processes import wait_until


class DaskProcesses:
    """A scheduler, and the workers that are added to it.

    Parameters
    ----------
    folder
        For the temporary folders of the workers.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._file = folder / "scheduler.json"
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        assert wait_until(self._is_known, 30.0), (folder / "log.txt").read_text()
        self.address = str(json.loads(self._file.read_text())["address"])

    def add(self, name: str, *options: str, machine: str = "") -> subprocess.Popen[bytes]:
        """Start a worker, on a machine of its own unless one is named; without a nanny unless an option says so."""
        place = self._folder / (machine or name)
        place.mkdir(exist_ok=True)
        preload = ("--preload", "support.function_models")
        limits = ("--nthreads", "2", "--memory-limit", "0", "--local-directory", str(place))
        how = options or ("--no-nanny",)
        self.workers[name] = self._start("dask_worker", "--name", name, *limits, *preload, *how, place=place)
        return self.workers[name]

    def close(self) -> None:
        """End everything."""
        for process in (*self.workers.values(), self.scheduler):
            process.terminate()
        for process in (*self.workers.values(), self.scheduler):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
            process.kill()
            process.wait()

    def _is_known(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return bool(json.loads(self._file.read_text()))
        return False

    def _start(self, program: str, *options: str, place: Path | None = None) -> subprocess.Popen[bytes]:
        path = [str(ROOT), str(TESTS), os.environ.get("PYTHONPATH", "")]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
        if place is not None:
            variables["TMPDIR"] = str(place)
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--scheduler-file", str(self._file)]
        with open(self._folder / "log.txt", "ab") as log:
            return subprocess.Popen([*command, "--no-dashboard", *options], env=variables, stdout=log, stderr=log)


@contextlib.contextmanager
def dask_processes(folder: Path, *names: str) -> Iterator[DaskProcesses]:
    """Run a scheduler and workers with these names, on a machine each."""
    processes = DaskProcesses(folder)
    try:
        for name in names:
            processes.add(name)
        yield processes
    finally:
        processes.close()


def connected(processes: DaskProcesses, workers: int) -> Any:
    """Return a client, once so many workers are there."""
    from distributed import Client

    client = Client(processes.address, timeout=20)
    client.wait_for_workers(workers, timeout=60)
    return client


SIZES = [8, 16, 24, 32]


def run(benchmark, client, **more):
    return benchmark.run(executor=client, display=NoDisplay(), **more)


def hosts(results):
    return [str(host).partition("/")[2] for host in results.frame["host"]]
