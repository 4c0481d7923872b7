"""Estimating what cases need, without running them and without their memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hfbench_nb.analysis.budgets import THIS, Budget, find_budget, memory_of
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.display.estimate import Estimate
from hfbench_nb.execution.benchmark import Benchmark
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.displays import Display, check_display, choose_display
from hfbench_nb.execution.estimator import Estimator, check_can_estimate
from hfbench_nb.execution.executors import LocalExecutor
from hfbench_nb.execution.progress import Progress
from hfbench_nb.protocol.case import Case
from hfbench_nb.results.environment import Environment, machine_facts
from hfbench_nb.results.result_set import ResultSet


def estimate_cases(
    benchmark: Benchmark[Any],
    *,
    budget_mb: float | None = None,
    device: str | None = None,
    display: Display | None = None,
) -> Estimate:
    """Estimate what each case needs, without running it and without its memory.

    Parameters
    ----------
    benchmark
        Whose cases; the benchmark itself when called as a method.
    budget_mb
        How much memory there is, MB of 2^20 bytes: the estimate then says what fits.
    device
        The same by the name of a well-known accelerator, such as ``T4`` (`hfbench_nb.analysis.budgets.accelerators`
        lists them), or ``this`` for this machine.
    display
        Where progress is shown; by default the notebook or the terminal.

    Returns
    -------
    Estimate
        One row per case, as a table, a DataFrame and a plot.  A case that cannot be estimated is a row with the reason.

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or the framework cannot estimate.

    Notes
    -----
    A worker follows one pass with fake tensors (``torch._subclasses.FakeTensorMode``), which have shapes and data types
    but no memory, and counts the bytes of those that exist at any moment.  That is what PyTorch's allocator would hand
    out.  Attention kernels are those of the device that the arguments name, or else of the accelerator whose memory is
    given, or of this machine: on a GPU they keep no scores for the backward pass.  Of a generation, the first two and
    the last two tokens are followed.
    """
    check_can_estimate(benchmark.framework)
    check_display(display)
    budget = find_budget(budget_mb, device, lambda: _machine(benchmark))
    shown = display or choose_display(verbose=benchmark.args.verbose)
    is_gpu = device is not None and device != THIS
    return _estimate(benchmark, benchmark.cases, budget, shown, Cancellation(), "cuda" if is_gpu else None)


def estimate_largest_cases(benchmark: Benchmark[Any], display: Display, cancellation: Cancellation) -> Estimate:
    """Estimate the largest case of each model, task and setting, and whether it fits this machine.

    Parameters
    ----------
    benchmark
        Whose cases.
    display
        Where progress is shown.
    cancellation
        Ends it from another thread.

    Raises
    ------
    ArgumentError
        If the framework cannot estimate.
    Cancelled
        If it was cancelled.
    """
    check_can_estimate(benchmark.framework)
    largest: dict[Case, Case] = {}
    for case in sorted(benchmark.cases, key=lambda case: (math.prod(case.sizes), case.sizes[1])):
        largest[replace(case, batch_size=0, sequence_length=0)] = case
    budget = memory_of(_machine(benchmark, cancellation))
    return _estimate(benchmark, [*largest.values()], budget, display, cancellation)


def _estimate(
    benchmark: Benchmark[Any],
    cases: Sequence[Case],
    budget: Budget | None,
    display: Display,
    cancellation: Cancellation,
    device: str | None = None,
) -> Estimate:
    progress = Progress(cases, display)
    estimator = Estimator(
        benchmark.framework, benchmark.models, benchmark.args.method(), benchmark.args.timeout_s, cancellation, device
    )
    entries = []
    try:
        for case in cases:
            progress.begin(case)
            measurement = estimator.estimate(case, progress.follow)
            progress.finish(case, measurement)
            entries.append((case, measurement))
    finally:
        progress.close()
    return Estimate(ResultSet(entries, Environment(machine_facts()), benchmark.args.to_dict()), budget)


def _machine(benchmark: Benchmark[Any], cancellation: Cancellation | None = None) -> dict[str, Any]:
    """Return facts about this machine and the device that the first case would use."""
    framework, method = FRAMEWORKS[benchmark.framework], benchmark.args.method()
    return {
        **machine_facts(),
        **LocalExecutor().environment(framework, benchmark.cases[0].settings, method, cancellation or Cancellation()),
    }
