"""Times against what is known of them: another clock, a planned sleep, a planted disturbance."""

from __future__ import annotations

import functools
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
from launching import conversation, run_program
from report import Row
from transformers import BertConfig

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments, measure
from hfbench_nb.protocol.stats import median_interval


def bert(layers: int, hidden: int) -> dict[str, Any]:
    """Return what a BERT of this size changes in its configuration."""
    return {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": hidden // 32,
        "intermediate_size": 4 * hidden,
    }


# Five sizes of BERT, from a pass that is nearly all Python to one that is nearly all arithmetic.
SIZES: dict[str, tuple[dict[str, Any], int, int]] = {
    f"BERT, {layers} layers of {hidden}, {batch} x {length}": (
        bert(layers, hidden),
        batch,
        length,
    )
    for layers, hidden, batch, length in (
        (2, 64, 1, 8), (2, 256, 1, 64), (4, 512, 1, 64), (6, 768, 1, 128), (12, 768, 2, 64),
    )
}  # fmt: skip
# From a length on beside which what the system adds, some 0.1 ms, is nothing.
SLEEPS_S = (0.02, 0.1, 0.5)


def another_clock(processes: int = 5, rounds: int = 8) -> Iterator[Row]:
    """Compare with torch.utils.benchmark, on one thread, where the machine's other work disturbs them least.

    Block by block in one process, so that both see the same moments of a machine whose speed changes within tenths of a
    second; and a case in its own process against a clean process of theirs, in turns, which it takes many to know well.
    """
    for name, (changes, batch, length) in SIZES.items():
        request = {"models": {"bert": changes}, "batch_size": batch, "length": length, "threads": 1}
        found = [run_program("two_clocks", {**request, "seconds": 5.0}).answer() for _ in range(processes)]
        ratios = [clocks["ours_s"] / clocks["theirs_s"] for clocks in found]
        yield (
            f"time_s against blocked_autorange(), block by block, {name}",
            f"median {statistics.median(ratios):.3f} of {processes} processes, {min(ratios):.3f} to {max(ratios):.3f}",
            "0.98 to 1.02",
        )
    for name, (changes, batch, length) in SIZES.items():
        request = {"models": {"bert": changes}, "batch_size": batch, "length": length, "threads": 1, "seconds": 1.0}
        ratios = []
        for _ in range(3):
            with conversation("timer", request) as ask:
                ask()  # has it imported everything
                for _ in range(rounds):
                    ours_s = run_case(BertConfig(**changes), batch, length, threads=1)[1].timing.median_s
                    ratios.append(ours_s / ask()["time_s"])
        low, high = median_interval(ratios)
        yield (
            f"time_s against blocked_autorange(), process by process, {name}",
            f"median {statistics.median(ratios):.3f} of {len(ratios)}, its 95 % interval {low:.3f} to {high:.3f}",
            "1, as far as the interval tells",
        )


def sleeping() -> Iterator[Row]:
    """Measure functions that sleep."""
    for planned_s in SLEEPS_S:
        row = measure(functools.partial(time.sleep, planned_s), memory=False).frame.iloc[0]
        off = row["time_s"] / planned_s - 1
        yield f"time_s of sleeping {planned_s} s", f"{row['time_s']:.6f} s: {100 * off:+.2f} %", "within 1 %"


# Burns one core for 0.2 s, and lets it go for as long.
_NEIGHBOUR = """
import time
while True:
    end = time.perf_counter() + 0.2
    while time.perf_counter() < end:
        pass
    time.sleep(0.2)
"""


def noisy_neighbour() -> Iterator[Row]:
    """Measure a pass on all threads alone, and while another process burns a core half of the time."""
    for who in ("alone", "with a neighbour that burns a core half of the time"):
        neighbour = subprocess.Popen([sys.executable, "-c", _NEIGHBOUR]) if who != "alone" else None
        try:
            _, measurement = run_case(BertConfig(num_hidden_layers=2), 1, 64)
        finally:
            if neighbour is not None:
                neighbour.kill()
                neighbour.wait()
        low, high = measurement.timing.interval_s
        yield (
            f"a case {who}",
            f"noisy: {measurement.timing.noisy}; {1000 * measurement.timing.median_s:.2f} ms, "
            f"{1000 * low:.2f} to {1000 * high:.2f} ms, {len(measurement.timing.samples_s)} samples",
            "reported" if neighbour is None else "noisy: True",
        )


def disturbance() -> Iterator[Row]:
    """Read the processor time of this process and of the server while a case is timed for some seconds."""
    run_case(BertConfig(num_hidden_layers=2), 1, 64)  # the server, and that for this type of model, are there
    watched = [psutil.Process(), *psutil.Process().children(recursive=True)]
    before = [_cpu_s(process) for process in watched]
    start = time.perf_counter()
    run_case(BertConfig(num_hidden_layers=2), 1, 64, precision=1e-6, max_seconds=8.0)  # is never precise enough
    wall_s = time.perf_counter() - start
    used_s = [_cpu_s(process) - earlier for process, earlier in zip(watched, before, strict=True)]
    for name, seconds in (("the notebook's process", used_s[0]), ("the server", sum(used_s[1:]))):
        yield (
            f"processor time of {name} during a case of {wall_s:.0f} s",
            f"{100 * seconds / wall_s:.2f} % of a core",
            "less than 1 %",
        )


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def run_case(config: BertConfig, batch: int, length: int, **given: Any) -> Any:
    """Measure one case; return it with what was measured."""
    arguments = PyTorchBenchmarkArguments(models=["bert"], batch_sizes=[batch], sequence_lengths=[length], **given)
    (entry,) = PyTorchBenchmark(arguments, configs=[config]).run().entries
    return entry


def truth() -> Iterator[Row]:
    """Run all of them."""
    yield from sleeping()
    yield from noisy_neighbour()
    yield from disturbance()
    yield from another_clock()
