"""Finding the largest batch, length or number of new tokens that runs within a limit of memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from hfbench_nb.analysis.budgets import PROCESS_MB, memory_of
from hfbench_nb.analysis.largest import ARGUMENT, Hunt, needed_mb, sizes
from hfbench_nb.analysis.search import Search, quadratic_through
from hfbench_nb.arguments import checks
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.arguments.sweep import plan
from hfbench_nb.execution.benchmark import Benchmark
from hfbench_nb.execution.displays import Display
from hfbench_nb.execution.estimator import Estimator
from hfbench_nb.execution.measuring import OnCase
from hfbench_nb.execution.rounds import Job, Rounds
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.facade.loading import load_results
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.protocol.measurement import MEGABYTE, Measurement
from hfbench_nb.protocol.request import TRACES, Method
from hfbench_nb.rendering.suggestions import no_such

_LARGEST_SIZE = 1 << 16
# Sizes whose estimates tell how memory grows.
_ESTIMATED = (1, 8, 64)


class Probes(Rounds):
    """Sizes that are tried, one after the other, until the largest that fits is known for each group of cases.

    Parameters
    ----------
    groups
        One case of each group, of any size.
    hunt
        What is looked for.
    method
        How a probe is measured.
    estimator
        Estimates cases; None where nothing can be estimated.
    """

    def __init__(self, groups: Sequence[Case], hunt: Hunt, method: Method, estimator: Estimator | None) -> None:
        super().__init__(groups, method)
        self._groups, self._hunt, self._estimator = groups, hunt, estimator

    def finished(self) -> list[tuple[Case, Measurement, Any]]:
        """Return the probes, group by group, the smallest size first."""
        found = [(case, self._merged[case], self._environments[case]) for case in self._merged]
        order = [self._hunt.size.group_of(case) for case in self._groups]

        def place(probe: tuple[Case, Measurement, Any]) -> tuple[int, int]:
            case = probe[0]
            return order.index(self._hunt.size.group_of(case)), self._hunt.size.of(case)

        return sorted(found, key=place)

    def jobs(self, claim: Callable[[Case], bool] = lambda case: True) -> Iterator[Job]:
        """Return each probe that is to be measured, one after the other."""
        for group in filter(claim, self._groups):
            yield from self._jobs_of(group)

    def _jobs_of(self, group: Case) -> Iterator[Job]:
        hunt, estimates = self._hunt, _Estimates(group, self._hunt, self._estimator)
        search = Search(hunt.limit_mb, hunt.maximum, estimates.curve(), PROCESS_MB, minimum=hunt.size.minimum)
        while (size := search.next_size()) is not None:
            case = hunt.size.set(group, size)
            if estimates.cannot_run(size):
                search.end_at(estimates.first_that_cannot_run(size))
                continue
            if case not in self._merged:
                yield Job(case, 1)
            measured = self._merged[case]
            if not measured.succeeded and measured.status != "oom":
                return  # not too large: something else is wrong with it
            search.tell(size, needed_mb(measured))
        end = search.smallest_too_large
        if end is not None and (case := hunt.size.set(group, end)) not in self._merged:
            yield Job(case, 1)  # the row that says why there is no larger one


class _Estimates:
    """Estimates of a group's cases by their size."""

    def __init__(self, group: Case, hunt: Hunt, estimator: Estimator | None) -> None:
        self._group, self._hunt, self._estimator = group, hunt, estimator
        self._found: dict[int, Measurement] = {}
        smallest = self._of(hunt.size.minimum) if estimator is not None else None
        self._is_known = smallest is not None and smallest.succeeded

    def curve(self) -> Any:
        """Return what a size needs, by estimates of some; None if the smallest cannot be estimated."""
        if not self._is_known:
            return None
        sizes = {max(size, self._hunt.size.minimum) for size in _ESTIMATED if size <= self._hunt.maximum}
        found = [(size, self._of(size)) for size in sorted(sizes)]
        points = [(size, each.memory.peak_bytes / MEGABYTE) for size, each in found if each.memory is not None]
        return quadratic_through(points)

    def cannot_run(self, size: int) -> bool:
        """Return whether a size fails before memory matters, such as one beyond the positions of the model."""
        return self._is_known and not self._of(size).succeeded

    def first_that_cannot_run(self, size: int) -> int:
        """Return the smallest size that cannot run, up to one that cannot."""
        runs, fails = self._hunt.size.minimum, size
        while fails - runs > 1:
            middle = (runs + fails) // 2
            runs, fails = (runs, middle) if self.cannot_run(middle) else (middle, fails)
        return fails

    def _of(self, size: int) -> Measurement:
        assert self._estimator is not None
        if size not in self._found:
            self._found[size] = self._estimator.estimate(self._hunt.size.set(self._group, size))
        return self._found[size]


def check_hunt(what: str, limit_mb: float | None = None, maximum: int | None = None) -> None:
    """Raise if a size cannot be looked for; the parameters are those of `find_largest`.

    Raises
    ------
    ArgumentError
        If a value cannot be used.
    """
    known = sizes()
    if what not in known:
        raise no_such("what", what, known)
    if limit_mb is not None:
        checks.number("limit_mb", limit_mb, above=0, below=float("inf"))
    if maximum is not None:
        checks.integer("maximum", maximum, minimum=known[what].minimum)


def find_largest(
    benchmark: Benchmark[Any],
    what: str,
    limit_mb: float | None = None,
    maximum: int | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    display: Display | None = None,
    executor: Any = None,
    on_case: OnCase = lambda case, measurement: None,
) -> BenchmarkResults:
    """Find the largest size that really runs within a limit of memory, for each combination of everything else.

    Each size that is tried is a case, measured for its memory alone in a process of its own, which may be killed: a
    probe that is too large costs a row and not the notebook.

    Parameters
    ----------
    benchmark
        Whose models, tasks, sizes and axes; the benchmark itself when called as a method.
    what
        ``batch_size``, ``sequence_length`` or ``new_tokens``: the values of the arguments for it do not count.
    limit_mb
        How much memory a case may need, MB of 2^20 bytes, the process included; by default what this machine, its
        container or the device has.
    maximum
        The largest size to try; by default 65536.
    folder, resume, display, executor, on_case
        As in `run`: probes are written one by one, and those of a folder are not measured again; of a cluster, one
        machine measures.

    Returns
    -------
    BenchmarkResults
        One row per probe; `BenchmarkResults.largest` has the answer.

    Raises
    ------
    ArgumentError
        If an argument cannot be used.
    KeyboardInterrupt
        If the user stopped the search; `results` holds the probes.

    Notes
    -----
    Where cases can be estimated (`estimate`), three estimates tell where to begin, and whether a size fails for another
    reason, such as one beyond the positions of the model.  Each probe then corrects the expectation; see
    `hfbench_nb.analysis.search.Search`.
    """
    check_hunt(what, limit_mb, maximum)
    size = sizes()[what]
    untraced = {name: False for name in TRACES if hasattr(benchmark.args, name)}
    args = replace(benchmark.args, speed=False, memory=True, rounds=1, **untraced, **{size.argument: [size.minimum]})
    groups = [case for case in plan(args) if size.concerns(case)]
    if not groups:
        others = " or ".join(name for name, other in sizes().items() if not other.task)
        raise wrong_value("what", what, f"{others}, unless {size.task}=True")
    cases = groups
    if resume is not None:
        known = {size.group_of(case) for case in groups}
        cases = [case for case, _ in load_results(resume).entries if size.group_of(case) in known]
    estimator = None
    if FRAMEWORKS[benchmark.framework].estimating_backend and executor is None:
        estimator = Estimator(benchmark.framework, benchmark.models, args.method(), args.timeout_s)

    def probes(_: Sequence[Case], method: Method, __: Sequence[Case]) -> Rounds:
        limit = memory_of(benchmark.environment_info).mb if limit_mb is None else float(limit_mb)
        hunt = Hunt(what, limit, _LARGEST_SIZE if maximum is None else maximum)
        benchmark.search = {ARGUMENT: asdict(hunt)}
        return Probes(groups, hunt, method, estimator)

    before = benchmark.args, benchmark.cases
    benchmark.args, benchmark.cases = args, cases
    try:
        return benchmark.carry_out(probes, folder, resume, display, executor=executor, on_case=on_case)
    finally:
        benchmark.args, benchmark.cases = before
