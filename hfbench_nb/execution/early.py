"""What is done before it is needed, so that the first row of a run comes sooner."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterator

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.frameworks import FRAMEWORKS, Framework, frameworks_with_models
from hfbench_nb.arguments.sweep import combinations
from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.displays import in_notebook
from hfbench_nb.execution.executors import LocalExecutor
from hfbench_nb.execution.machine_lock import preparing
from hfbench_nb.execution.requirements import check_requirements
from hfbench_nb.execution.servers import can_fork
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import ArgumentError, IsolationError
from hfbench_nb.protocol.request import Method

_FRAME = "hfbench_nb.results.frame"


def start_early(args: BenchmarkArguments | None = None) -> None:
    """Start the worker server of a run in the background, in a notebook; its errors are reported by the run itself.

    Parameters
    ----------
    args
        What may be measured soon; by default anything, with the first framework that is installed.
    """
    if in_notebook() and can_fork():
        threading.Thread(target=_start, args=(args,), name="hfbench-early", daemon=True).start()


def _start(args: BenchmarkArguments | None) -> None:
    with contextlib.suppress(ArgumentError, IsolationError), preparing() as is_free:
        framework = _installed() if args is None else FRAMEWORKS[args.framework]
        if not is_free or framework is None:
            return  # it would disturb the measurements of another run
        settings = Settings() if args is None else combinations(args)[0]
        family = None if args is None else find_model(args.models[0], ask_hub=False).family
        used = LocalExecutor().workers_for(framework, settings)
        used.environment(Settings(), Method(), Cancellation(), family)
        importlib.import_module(_FRAME)


@contextlib.contextmanager
def importing_pandas() -> Iterator[None]:
    """Import what results need in another thread: done while a worker server starts, it disturbs no measurement."""
    thread = threading.Thread(target=importlib.import_module, args=(_FRAME,), name="hfbench-imports", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _installed() -> Framework | None:
    for framework in frameworks_with_models():
        with contextlib.suppress(IsolationError):
            check_requirements(framework, None)
            return framework
    return None
