"""A sweep of 1,000 tiny cells: nothing may grow with the number of cells that are done."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import psutil
from cells import TINY
from report import Row
from transformers import BertConfig

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

PART = 100


class _Watched(PyTorchBenchmark):
    """Notes what each cell costs, and how long a fixed piece of work takes after it: a shared machine changes speed."""

    def __init__(self, args: PyTorchBenchmarkArguments, configs: list[Any]) -> None:
        super().__init__(args, configs)
        self.wall_s: list[float] = []
        self.cpu_s: list[float] = []
        self.work_s: list[float] = []
        self.rss_mb: list[float] = []
        self._begin_s, self._begin_cpu_s = time.perf_counter(), time.process_time()

    def _finish(self, *given: Any) -> None:
        super()._finish(*given)
        end_s = time.perf_counter()
        self.wall_s.append(end_s - self._begin_s)
        self.cpu_s.append(time.process_time() - self._begin_cpu_s)
        self.rss_mb.append(psutil.Process().memory_info().rss / 2**20)
        start_s = time.perf_counter()
        sum(range(100_000))
        self._begin_s, self._begin_cpu_s = time.perf_counter(), time.process_time()
        self.work_s.append(self._begin_s - start_s)


def thousand_cells(count: int = 1000) -> Iterator[Row]:
    """Run them: sizes in an order in which each part of the sweep has the same mix."""
    part = min(PART, count // 2)
    args = PyTorchBenchmarkArguments(
        models=[f"tiny-{i}" for i in range(count // 10)],
        batch_sizes=[1],
        sequence_lengths=range(8, 18),
        threads=1,
        max_seconds=0.01,
    )
    benchmark = _Watched(args, [BertConfig(**TINY) for _ in args.models])
    start = time.perf_counter()
    results = benchmark.run()
    wall_s = time.perf_counter() - start
    yield f"{len(results.entries)} tiny cells, 1 thread", f"{wall_s:.0f} s; a cell {wall_s / count:.3f} s", "reported"
    for name, costs_s, wanted in (
        ("time", benchmark.wall_s, "no growth: at most 1.05"),
        ("processor time of the notebook's process", benchmark.cpu_s, "no growth: at most 1.1"),
    ):
        medians_s, relative = (
            [statistics.median(figures[start : start + part]) for start in range(1, count, part)]
            for figures in (costs_s, [cost / work for cost, work in zip(costs_s, benchmark.work_s, strict=True)])
        )
        yield (
            f"{name} a cell, medians of each {part}, ms; last against first, by a fixed piece of work after each",
            f"{' '.join(f'{1000 * median_s:.1f}' for median_s in medians_s)}; {relative[-1] / relative[0]:.3f}",
            wanted,
        )
    grown = benchmark.rss_mb[-1] - benchmark.rss_mb[part]
    yield f"memory of the notebook's process since cell {part}", f"{grown:+.1f} MB", "flat: at most 5 MB"
    for what, make in (("results.frame", lambda: results.frame), ("the table", results._repr_html_)):
        start = time.perf_counter()
        make()
        yield f"making {what} of {count} cells", f"{time.perf_counter() - start:.2f} s", "under 1 s"
