"""A sweep of 1,000 tiny cells: nothing may grow with the number of cells that are done."""

from __future__ import annotations

import itertools
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
    """Takes note of the time, and of this process's memory and processor time, when a cell is finished."""

    def __init__(self, args: PyTorchBenchmarkArguments, configs: list[Any]) -> None:
        super().__init__(args, configs)
        self.ends_s: list[float] = []
        self.cpu_s: list[float] = []
        self.rss_mb: list[float] = []

    def _finish(self, *given: Any) -> None:
        super()._finish(*given)
        self.ends_s.append(time.perf_counter())
        self.cpu_s.append(time.process_time())
        self.rss_mb.append(psutil.Process().memory_info().rss / 2**20)


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
    for name, ends_s, wanted in (
        ("time", benchmark.ends_s, "no growth: at most 1.05"),
        ("processor time of the notebook's process", benchmark.cpu_s, "no growth: at most 1.1"),
    ):
        costs_s = [end - begin for begin, end in itertools.pairwise(ends_s)]
        medians_s = [statistics.median(costs_s[start : start + part]) for start in range(0, count - 1, part)]
        yield (
            f"{name} a cell, medians of each {part}, ms, and of the last against the first",
            f"{' '.join(f'{1000 * median_s:.1f}' for median_s in medians_s)}: {medians_s[-1] / medians_s[0]:.3f}",
            wanted,
        )
    grown = benchmark.rss_mb[-1] - benchmark.rss_mb[part]
    yield f"memory of the notebook's process since cell {part}", f"{grown:+.1f} MB", "flat: at most 5 MB"
    for what, make in (("results.frame", lambda: results.frame), ("the table", results._repr_html_)):
        start = time.perf_counter()
        make()
        yield f"making {what} of {count} cells", f"{time.perf_counter() - start:.2f} s", "under 1 s"
