"""A sweep of 1,000 tiny cases: nothing may grow with the number of cases that are done."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import psutil
from cases import TINY
from report import Row
from transformers import BertConfig

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

PART = 100


class Watch:
    """Notes what each case costs: an `on_case` of a run."""

    def __init__(self) -> None:
        self.wall_s: list[float] = []
        self.cpu_s: list[float] = []
        self.rss_mb: list[float] = []
        self._begin_s, self._begin_cpu_s = time.perf_counter(), time.process_time()

    def __call__(self, *_: Any) -> None:
        self.wall_s.append(time.perf_counter() - self._begin_s)
        self.cpu_s.append(time.process_time() - self._begin_cpu_s)
        self.rss_mb.append(psutil.Process().memory_info().rss / 2**20)
        self._begin_s, self._begin_cpu_s = time.perf_counter(), time.process_time()


def _lower_decile(costs_s: list[float]) -> float:
    """Return what a case costs while nothing disturbs it: growth shows there, the changing speed of a machine less."""
    return statistics.quantiles(costs_s, n=10)[0]


def thousand_cases(count: int = 1000) -> Iterator[Row]:
    """Run them: sizes in an order in which each part of the sweep has the same mix."""
    part = min(PART, count // 2)
    args = PyTorchBenchmarkArguments(
        models=[f"tiny-{i}" for i in range(count // 10)],
        batch_sizes=[1],
        sequence_lengths=range(8, 18),
        threads=1,
        max_seconds=0.01,
    )
    benchmark, watch = PyTorchBenchmark(args, [BertConfig(**TINY) for _ in args.models]), Watch()
    start = time.perf_counter()
    results = benchmark.run(on_case=watch)
    wall_s = time.perf_counter() - start
    yield f"{len(results.entries)} tiny cases, 1 thread", f"{wall_s:.0f} s; a case {wall_s / count:.3f} s", "reported"
    for name, costs_s, wanted in (
        ("time", watch.wall_s, "no growth: at most 1.05"),
        ("processor time of the notebook's process", watch.cpu_s, "no growth: at most 1.1"),
    ):
        parts = [costs_s[start : start + part] for start in range(1, count, part)]
        for what, of_part in (("median", statistics.median), ("lower decile", _lower_decile)):
            costs_ms = [1000 * of_part(costs) for costs in parts]
            yield (
                f"{name} a case, {what} of each {part}, ms; last against first",
                f"{' '.join(f'{cost_ms:.1f}' for cost_ms in costs_ms)}; {costs_ms[-1] / costs_ms[0]:.3f}",
                "reported" if what == "median" else wanted,
            )
    grown = watch.rss_mb[-1] - watch.rss_mb[part]
    yield f"memory of the notebook's process since case {part}", f"{grown:+.1f} MB", "flat: at most 5 MB"
    for what, make in (("results.frame", lambda: results.frame), ("the table", results._repr_html_)):
        start = time.perf_counter()
        make()
        yield f"making {what} of {count} cases", f"{time.perf_counter() - start:.2f} s", "under 1 s"
