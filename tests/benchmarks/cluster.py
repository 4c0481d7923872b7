"""Runs on a Dask cluster, in processes on this machine: what a second machine saves, and what a case costs more."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from report import Row
from thousand import Watch
from transformers import BertConfig

from hfbench_nb import BenchmarkResults, PyTorchBenchmark, PyTorchBenchmarkArguments

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.dask_processes import DaskProcesses, connected, dask_processes
from support.function_models import function_benchmark

# HFBENCH_FAST=1 tries the section.
FAST = os.environ.get("HFBENCH_FAST") == "1"
STUBS = 100 if FAST else 2000
LAYERS = {"bert-2": 2, "bert-4": 4, "bert-6": 6}


def cluster() -> Iterator[Row]:
    """Run both parts."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _two_machines(Path(folder, "sweep"))
        yield from _many_cases(Path(folder, "stubs"))


def _sweep(**given: Any) -> PyTorchBenchmark:
    """Make a benchmark of 48 cases."""
    sizes: dict[str, Any] = {"batch_sizes": [1, 4], "sequence_lengths": [8, 32, 64, 128]}
    settings: dict[str, Any] = {"dtype": ["float32", "bfloat16"], "threads": 1, "max_seconds": 0.3 if FAST else 1.5}
    args = PyTorchBenchmarkArguments(models=[*LAYERS], **{**sizes, **settings, **given})
    return PyTorchBenchmark(args, [BertConfig(num_hidden_layers=layers) for layers in LAYERS.values()])


def _two_machines(folder: Path) -> Iterator[Row]:
    """Measure one sweep here on one core, on one worker, and on two; each worker has a core of its own."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores[:1])  # and what this process starts
    try:
        here, here_s = _timed(lambda: _sweep().run())
    finally:
        os.sched_setaffinity(0, cores)
    yield "48 cases here, on one core", f"{here_s:.0f} s", "reported"
    folder.mkdir()
    walls_s = {}
    with dask_processes(folder) as processes:
        for count, core in enumerate(cores, start=1):
            os.sched_setaffinity(processes.add(f"core-{core}").pid, {core})
            with connected(processes, count) as client:
                results, walls_s[count] = _timed(lambda client=client: _sweep().run(executor=client))  # type: ignore[misc]
                yield f"48 cases on {count} worker(s)", f"{walls_s[count]:.0f} s", "reported"
                yield from _agreement(f"metrics on {count} worker(s) against those here", here, results)
        yield "wall time, one worker / two", f"{walls_s[1] / walls_s[2]:.2f}", "about 2"
        with connected(processes, 2) as client:
            on_each = _sweep(batch_sizes=1, sequence_lengths=[8, 128], dtype="float32").run(
                executor=client, spread="hosts"
            )
        for row in on_each:
            told = "no time" if row.measurement.timing is None else f"{1000 * row.measurement.timing.median_s:.2f} ms"
            yield f"every machine: {row}", told, "reported"


def _agreement(what: str, here: BenchmarkResults, results: BenchmarkResults) -> Iterator[Row]:
    """Compare the cases of two runs."""
    frame = results.compare(here, names=("there", "here")).frame
    ratios = ", ".join(f"{value:.2f}" for value in frame["time_ratio"].quantile([0.0, 0.5, 1.0]))
    told = f"{int(frame['time_differs'].sum())} of {len(frame)}; ratios (least, median, largest) {ratios}"
    yield f"{what}: cases whose time differs by more than the intervals", told, "at most 3"
    peaks = frame["memory_ratio"]
    yield f"{what}: peak memory, there / here", f"{peaks.min():.3f} to {peaks.max():.3f}", "0.97 to 1.03"


def _timed(work: Callable[[], BenchmarkResults]) -> tuple[BenchmarkResults, float]:
    start = time.perf_counter()
    results = work()
    return results, time.perf_counter() - start


def _many_cases(folder: Path) -> Iterator[Row]:
    """Measure stubs here and on two workers: what a case costs more, and what grows."""
    given: dict[str, Any] = {"memory": False, "max_seconds": 0.01, "sequence_lengths": range(1, STUBS + 1)}
    _, here_s = _timed(lambda: function_benchmark(**{**given, "sequence_lengths": range(1, STUBS // 10 + 1)}).run())
    folder.mkdir()
    with dask_processes(folder, "a") as processes, connected(processes, 1) as client:
        scheduler, watch, sizes_mb = _process(processes), Watch(), []

        def note(*told: Any) -> None:
            watch(*told)
            sizes_mb.append(scheduler.memory_info().rss / 2**20)

        results, wall_s = _timed(lambda: function_benchmark(**given).run(executor=client, on_case=note))
    measured = sum(row.measurement.succeeded for row in results)
    yield f"{STUBS} stub cases through Dask, one worker", f"{measured} measured in {wall_s:.0f} s", f"{STUBS}"
    cost_ms, local_ms = 1000 * wall_s / STUBS, 1000 * here_s / (STUBS // 10)
    yield "a case through Dask, here", f"{cost_ms:.1f} ms, {local_ms:.1f} ms: {cost_ms - local_ms:+.1f} ms", "reported"
    for what, found in (("notebook", watch.rss_mb), ("scheduler", sizes_mb)):
        at = [found[int(share * (STUBS - 1))] for share in (0.1, 0.25, 0.5, 0.75, 1.0)]
        yield f"memory of the {what} after a tenth, each quarter", f"{', '.join(f'{mb:.1f}' for mb in at)} MB", "flat"


def _process(processes: DaskProcesses) -> psutil.Process:
    process: subprocess.Popen[bytes] = processes.scheduler
    return psutil.Process(process.pid)
