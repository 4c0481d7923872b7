"""An executor from outside the package: it measures as the local one does, and keeps what it was asked for."""

from __future__ import annotations

from typing import Any

from hfbench_nb.arguments.frameworks import Framework
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.executors import ExecutorKind, LocalExecutor
from hfbench_nb.execution.servers import OnProgress
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.request import Method, Request


class RecordingExecutor:
    """Hands each case on to the local executor.

    Attributes
    ----------
    cases
        The cases that were measured.
    """

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self._local = LocalExecutor()

    def environment(
        self, framework: Framework, settings: Settings, method: Method, cancellation: Cancellation
    ) -> dict[str, Any]:
        """Describe this machine's framework."""
        return {**self._local.environment(framework, settings, method, cancellation), "recorded": True}

    def measure(
        self, framework: Framework, request: Request, on_progress: OnProgress, cancellation: Cancellation
    ) -> Measurement:
        """Measure one case."""
        self.cases.append(request.case)
        return self._local.measure(framework, request, on_progress, cancellation)


def recording(executor: RecordingExecutor) -> ExecutorKind:
    """Return an entry of the registry with which every run has the same executor."""
    return ExecutorKind("recording", "on this machine, and keeps the cases", lambda: executor)
