"""Measuring any function in a process of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from hfbench_nb.arguments import checks
from hfbench_nb.execution.machine_lock import Turns
from hfbench_nb.execution.progress import Display, Progress, choose_display
from hfbench_nb.execution.servers import measurer
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.errors import ArgumentError, IsolationError, wrong_value
from hfbench_nb.protocol.records import Cell, Failure, Measurement, Settings
from hfbench_nb.results.environment import describe_function

_FRAMEWORKS = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}


def measure(
    function: Callable[..., object],
    setup: Callable[[], Any] | None = None,
    name: str | None = None,
    framework: str | None = None,
    speed: bool = True,
    memory: bool = True,
    precision: float = 0.02,
    max_seconds: float = 1.5,
    timeout_s: float = 3600.0,
    *,
    display: Display | None = None,
) -> BenchmarkResults:
    """Measure the time and the peak memory of a function, in a process of its own.

    The function, its set-up and all that they refer to travel there by cloudpickle: functions defined in a notebook,
    closures and lambdas do.  What they change stays there.

    Parameters
    ----------
    function
        What to measure, called many times. Its result is let go.
    setup
        Called once, before the memory baseline is taken. What it returns, if not None, is handed to each call of
        `function`.
    name
        Name in the results; by default that of the function.
    framework
        ``PyTorch`` or ``TensorFlow``: imported beforehand, so that it counts as baseline, and on a GPU waited for by
        the clock and asked for its memory. By default the process is a bare interpreter.
    speed, memory
        Whether to measure time, and memory.
    precision, max_seconds, timeout_s
        As in `PyTorchBenchmarkArguments`: when to stop sampling, and when to give up.
    display
        Where progress is shown; by default where it fits: the notebook, or the terminal.

    Returns
    -------
    BenchmarkResults
        One row with ``task="function"`` and no batch size or sequence length. ``baseline_mb`` includes what the
        set-up holds, ``working_mb`` is what the calls need above that, ``weights_mb`` is 0.

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or the function cannot be sent to another process.
    IsolationError
        If the framework is not there.

    Examples
    --------
    >>> from hfbench_nb import measure
    >>> results = measure(sorted, setup=lambda: list(range(1000)), max_seconds=0.1)
    >>> results.frame["status"].item()
    'ok'
    """
    _check_functions(function, setup)
    settings = _check_settings(speed, memory, precision, max_seconds, timeout_s)
    framework = "Python" if framework is None else _check_framework(framework)
    cell = Cell(framework, _name_of(function) if name is None else _check_name(name), "function")
    pickled = _pickle(function, setup)
    progress = Progress([cell], display or choose_display(verbose=False))
    turns = Turns(progress)
    try:
        server = measurer(framework)
        with turns.take():
            environment = describe_function(server.environment(settings))
        try:
            with turns.take():
                progress.begin(cell)
                measurement = server.measure_function(pickled, settings, timeout_s, progress.follow)
        except IsolationError as error:
            measurement = Measurement("crashed", failure=Failure(type(error).__name__, str(error)))
        progress.finish(cell, measurement)
    finally:
        progress.close()
    arguments = {"speed": speed, "memory": memory, "precision": precision, "max_seconds": max_seconds}
    return BenchmarkResults([(cell, measurement)], environment, {**arguments, "timeout_s": timeout_s})


def _check_functions(function: object, setup: object) -> None:
    for parameter, value in (("function", function), ("setup", setup)):
        if value is None and parameter == "setup":
            continue
        if not callable(value):
            raise wrong_value(parameter, value, "a function")
        if inspect.iscoroutinefunction(value) or inspect.isgeneratorfunction(value):
            raise wrong_value(parameter, value, "an ordinary function: calling this one only begins its work")
    if not (_takes(function, 0) or (setup is not None and _takes(function, 1))):
        how = "without arguments" if setup is None else "with what setup returns"
        raise wrong_value("function", function, f"a function that can be called {how}")
    if setup is not None and not _takes(setup, 0):
        raise wrong_value("setup", setup, "a function that can be called without arguments")


def _takes(function: Any, count: int) -> bool:
    """Tell whether a function may be called with so many arguments; where it does not say, it may."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _check_settings(speed: bool, memory: bool, precision: float, max_seconds: float, timeout_s: float) -> Settings:
    checks.boolean("speed", speed)
    checks.boolean("memory", memory)
    if not (speed or memory):
        raise ArgumentError("speed=False, memory=False leave nothing to measure: one of the two must be True.")
    checks.number("precision", precision, above=0.0, below=1.0)
    checks.number("max_seconds", max_seconds, above=0.0)
    checks.number("timeout_s", timeout_s, above=0.0, below=checks.LONGEST_TIMEOUT_S)
    return Settings(speed=speed, memory=memory, precision=precision, max_seconds=max_seconds)


def _check_framework(framework: object) -> str:
    known = _FRAMEWORKS.get(framework.lower()) if isinstance(framework, str) else None
    if known is None:
        raise wrong_value("framework", framework, "'PyTorch', 'TensorFlow' or None")
    return known


def _check_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise wrong_value("name", name, "a name or None")
    return name


def _name_of(function: object) -> str:
    """Give the name of a function, also of one that is wrapped by `functools.partial` or an object's."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__name__", type(inner).__name__))


def _pickle(function: object, setup: object) -> bytes:
    import cloudpickle

    try:
        pickled: bytes = cloudpickle.dumps((function, setup))
    except Exception as error:
        raise ArgumentError(
            f"function={function!r} cannot be sent to another process, with all that it refers to: "
            f"{type(error).__name__}: {error}. Make in setup what cannot travel."
        ) from error
    return pickled
