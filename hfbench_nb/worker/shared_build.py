"""A model that is built once for several cases: its process forks their workers, which share its pages.

Only a process with a single thread can be forked: the model is built with one.  Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from hfbench_nb.protocol.case import Settings
from hfbench_nb.worker.backends.base import Backend
from hfbench_nb.worker.opening import case_of, method_of, workload_of
from hfbench_nb.worker.workloads.base import LoadedModel, SharingWorkload

_TASKS = Path("/proc/self/task")


@dataclass
class SharedBuild:
    """A model in the process that has built it.

    Attributes
    ----------
    loaded
        The model, and the memory before and after it was built.
    resolved
        What the framework made of the axes while it was built.
    cases_left
        For how many cases of the round no worker has been forked yet, at most.
    """

    loaded: LoadedModel
    resolved: Settings
    cases_left: int

    def count_worker(self) -> None:
        """Count a worker that was forked: the time of building is that of the first one alone."""
        self.loaded = replace(self.loaded, build_s=0.0)
        self.cases_left -= 1


def build(backend: Backend, request: dict[str, Any]) -> SharedBuild | None:
    """Build the model of a request; None if workers cannot share it, and each builds its own.

    Raises
    ------
    Exception
        If it cannot be built: a worker that tries by itself reports why.
    """
    case, method = case_of(request), method_of(request)
    workload = cast(SharingWorkload, workload_of(case, request))
    runtime = backend.open(Settings({**case.settings, "threads": 1}), method)
    with runtime.hear() as heard:
        loaded = workload.build(runtime)
    runtime.close()
    if len(list(_TASKS.iterdir())) > 1:
        return None
    named = request["model"]["config"].get("architectures") or [""]
    if request["build"]["for_all_tasks"] and type(loaded.built.model).__name__ != named[0]:
        return None  # another task would choose another class
    return SharedBuild(loaded.with_notes(heard), runtime.resolved, request["build"]["cases"])
