"""Measuring any function in a separate process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hfbench_nb.arguments.callables import check_function, name_of, pickle_functions, takes
from hfbench_nb.arguments.frameworks import FRAMEWORKS, framework_named
from hfbench_nb.arguments.measurement import FunctionArguments
from hfbench_nb.execution import launch
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.displays import Display, check_display, choose_display
from hfbench_nb.execution.executors import make_executor
from hfbench_nb.execution.machines import ThisMachine, crashed
from hfbench_nb.execution.progress import Progress
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.errors import IsolationError, wrong_value
from hfbench_nb.protocol.request import DEFAULT_TIMEOUT_S, Method, PickledFunction, Request
from hfbench_nb.rendering.keywords import refuse_unknown_keywords
from hfbench_nb.results.environment import describe
from hfbench_nb.storage.traces import keep as keep_trace


@refuse_unknown_keywords
def measure(
    function: Callable[..., object],
    setup: Callable[[], Any] | None = None,
    name: str | None = None,
    framework: str | None = None,
    speed: bool = Method.speed,
    memory: bool = Method.memory,
    precision: float = Method.precision,
    max_seconds: float = Method.max_seconds,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    *,
    profile: bool = Method.profile,
    display: Display | None = None,
) -> BenchmarkResults:
    """Measure the time and the peak memory of a function, in a separate process.

    The function, its set-up and everything that they refer to are sent there by cloudpickle, which supports functions
    defined in a notebook, closures and lambdas.  Changes that they make stay in that process.

    Parameters
    ----------
    function
        What to measure, called many times. Its result is discarded.
    setup
        Called once, before the memory baseline is read. Its return value, if not None, is passed to each call of
        `function`.
    name
        Name in the results; by default that of the function.
    framework
        ``PyTorch`` or ``TensorFlow``: imported beforehand, so that it counts as baseline; on a GPU the clock waits for
        it, and its memory is read. By default the process is a bare interpreter.
    speed
        Whether to measure time.
    memory
        Whether to measure memory.
    precision
        Stop sampling once the 95 % confidence interval of the median is within this share of it.
    max_seconds
        Stop sampling after this many seconds, precise or not.
    timeout_s
        Give up after this many seconds.
    profile
        Whether to tell where the time goes, from a pass of its own; with ``framework="PyTorch"``.
    display
        Where progress is shown; by default the notebook or the terminal.

    Returns
    -------
    BenchmarkResults
        One row with ``task="function"`` and no batch size or sequence length. ``baseline_mb`` includes what the
        set-up holds, ``working_mb`` is what the calls need in addition, ``weights_mb`` is 0.

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or the function cannot be sent to another process.
    IsolationError
        If the framework is not installed.

    Examples
    --------
    >>> from hfbench_nb import measure
    >>> results = measure(sorted, setup=lambda: list(range(1000)), max_seconds=0.1)
    >>> results.frame["status"].item()
    'ok'
    """
    _check_functions(function, setup)
    check_display(display)
    arguments = FunctionArguments(
        name=name_of(function) if name is None else name,
        framework=framework,
        speed=speed,
        memory=memory,
        precision=precision,
        max_seconds=max_seconds,
        timeout_s=timeout_s,
        profile=profile,
    )
    used = FRAMEWORKS["Python"] if framework is None else framework_named(framework)  # the bare interpreter
    case = Case(used.name, arguments.name, "function")
    request = Request(case, arguments.method(), _pickle(function, setup), timeout_s)
    return _run(used.name, request, arguments, display or choose_display(verbose=False))


def _run(framework: str, request: Request, arguments: FunctionArguments, display: Display) -> BenchmarkResults:
    case, cancellation = request.case, Cancellation()
    progress = Progress([case], display)
    machine = ThisMachine(make_executor(None), progress)
    try:
        facts = machine.environment(framework, Settings(), request.method, progress.follow, cancellation)
        environment = describe(facts, machine.facts(), {"use_multiprocessing": True})
        try:
            measurement = machine.measure(framework, request, progress.following(case), cancellation)
        except IsolationError as error:
            measurement = crashed(error)
        measurement = keep_trace(request.case, measurement, None)
        progress.finish(request.case, measurement)
    finally:
        progress.close()
    return BenchmarkResults([(request.case, measurement)], environment, arguments.to_dict())


def _check_functions(function: object, setup: object) -> None:
    for parameter, value in (("function", function), ("setup", setup)):
        if value is None and parameter == "setup":
            continue
        check_function(parameter, value)
    if not (takes(function, 0) or (setup is not None and takes(function, 1))):
        how = "without arguments" if setup is None else "with what setup returns"
        raise wrong_value("function", function, f"a function that can be called {how}")
    if setup is not None and not takes(setup, 0):
        raise wrong_value("setup", setup, "a function that can be called without arguments")


def _pickle(function: object, setup: object) -> PickledFunction:
    pickled = pickle_functions("function", function, (function, setup), "Create in setup what cannot be sent.")
    return PickledFunction(pickled, launch.working_folder())
