"""Times and memory on an NVIDIA GPU, against a loop that waits for it, nvidia-smi, and what was planted."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import threading
from collections.abc import Iterator

import psutil
from caller import metrics_from
from launching import run_program
from report import Row
from transformers import BertConfig
from truth import bert, run_case

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments, measure
from hfbench_nb.protocol.measurement import MEGABYTE

PLANTED_MIB = (8, 64, 512)
# Layers, hidden size, batch size and sequence length: from a pass that waits for its launches to those that fill a GPU.
SIZES = ((2, 64, 1, 8), (12, 768, 8, 512), (24, 1024, 8, 512), (24, 1024, 32, 512))


def gpu() -> Iterator[Row]:
    """Run all of them, where there is a GPU."""
    if shutil.which("nvidia-smi") is None:
        yield "everything on a GPU", "not measured: no NVIDIA GPU here", ""
        return
    yield from memory_against_nvidia_smi()
    yield from planted_memory()
    yield from the_callers_context()
    yield from estimates()
    yield from achieved()
    yield from a_loop_that_waits()


def a_loop_that_waits(rounds: int = 3) -> Iterator[Row]:
    """Measure by a plain loop in a process of its own and by ours, in turns."""
    for layers, hidden, batch, length in SIZES:
        changes = bert(layers, hidden)
        request = {"models": {"bert": changes}, "batch_size": batch, "length": length, "seconds": 1.0}
        walls, events, launches = [], [], []
        for _ in range(rounds):
            loop = run_program("synchronised", request).answer()
            _, measurement = run_case(BertConfig(**changes), batch, length, memory=False)
            walls.append(measurement.timing.median_s / loop["time_s"])
            events.append(statistics.median(measurement.timing.device_samples_s) / loop["device_s"])
            launches.append(loop["launch_s"] / loop["time_s"])
        yield (
            f"time against a loop that waits for the GPU, BERT, {layers} layers of {hidden}, {batch} x {length}",
            f"by the clock {_median_and_range(walls)}; by events {_median_and_range(events)}; "
            f"a loop that does not wait reads {statistics.median(launches):.2f}",
            "0.98 to 1.02",
        )


def memory_against_nvidia_smi() -> Iterator[Row]:
    """Read what nvidia-smi shows for the measuring process while it lives, and compare."""
    for layers, length in ((2, 32), (12, 128), (12, 512)):
        with _NvidiaSmi() as seen:
            # Without times: what is timed beside the case, outside it, needs memory of its own.
            _, measurement = run_case(BertConfig(num_hidden_layers=layers), 8, length, speed=False)
        memory, details = measurement.memory, measurement.memory.details
        weights_mb = measurement.model_facts.parameters * 4 / MEGABYTE
        yield (
            f"memory of BERT, {layers} layers, 8 x {length}",
            f"{memory.method}: {_mb(memory.peak_bytes)}; nvidia-smi: {seen.peak_mb} MB; "
            f"allocator's peak: {_mb(details['reserved_peak_bytes'])} reserved, "
            f"{_mb(details['allocated_peak_bytes'])} allocated; "
            f"baseline {_mb(memory.baseline_bytes)}, weights {_mb(memory.weights_bytes)} "
            f"(parameters take {weights_mb:.1f} MB), working {_mb(memory.working_bytes)}",
            "the same as nvidia-smi",
        )


class _NvidiaSmi:
    """The most that nvidia-smi shows, while a block runs, for a process that this one started."""

    # In one process, which reads every 10 ms: a worker is at its peak for some tens of them.
    COMMAND = ("nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits", "-lms", "10")

    def __init__(self) -> None:
        self.peak_mb = 0
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> _NvidiaSmi:
        self._reader = subprocess.Popen(self.COMMAND, stdout=subprocess.PIPE, text=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._reader.kill()
        self._thread.join()
        self._reader.wait()

    def _watch(self) -> None:
        assert self._reader.stdout is not None
        for line in self._reader.stdout:
            pid, _, used_mb = line.partition(",")
            if used_mb.strip().isdigit() and int(used_mb) > self.peak_mb and self._is_own(int(pid)):
                self.peak_mb = int(used_mb)

    @staticmethod
    def _is_own(pid: int) -> bool:
        return pid in {process.pid for process in psutil.Process().children(recursive=True)}


def planted_memory() -> Iterator[Row]:
    """Measure functions that take so much of the GPU's memory for a moment."""
    for mib in PLANTED_MIB:

        def transient(mib: int = mib) -> None:
            import torch

            torch.empty(mib << 20, dtype=torch.uint8, device="cuda").fill_(1)

        row = measure(transient, framework="pytorch", speed=False).frame.iloc[0]
        wanted = f"{mib}, or its block of 20" if mib < 10 else str(mib)
        yield f"a transient of {mib} MiB on the GPU", f"{row['working_mb']:.1f} MB ({row['memory_method']})", wanted


_HOLDS_GPU_MEMORY = """
import torch
held = torch.ones(1 << 29, device="cuda")
(held[:1 << 20].view(1024, 1024) @ held[:1 << 20].view(1024, 1024)).sum().item()
"""


def the_callers_context() -> Iterator[Row]:
    """Measure the same case from a process that never saw the GPU and from one that holds 2 GiB of it, in turns."""
    turns = [[metrics_from(state, 8, 128) for state in ("", _HOLDS_GPU_MEMORY)] for _ in range(3)]
    fresh, context = zip(*turns, strict=True)
    (fresh_mb, fresh_s), (context_mb, context_s) = (
        map(statistics.median, zip(*figures, strict=True)) for figures in (fresh, context)
    )
    yield (
        "a caller with a CUDA context and 2 GiB of GPU memory, against one without",
        f"{context_mb:.1f} MB and {fresh_mb:.1f} MB: {100 * (context_mb / fresh_mb - 1):+.2f} %; "
        f"time {100 * (context_s / fresh_s - 1):+.2f} %",
        "memory within 0.5 %",
    )


def estimates() -> Iterator[Row]:
    """Estimate what cases need, and read the allocator's peak while they are measured."""
    for what in ({"inference": True}, {"inference": False, "training": True, "optimizer": "adamw"}):
        arguments = PyTorchBenchmarkArguments(
            models=["google-bert/bert-base-uncased", "openai-community/gpt2"], batch_sizes=8, sequence_lengths=512,
            speed=False, rounds=1, **what,
        )  # fmt: skip
        benchmark = PyTorchBenchmark(arguments)
        for (row, needs), measured in zip(benchmark.estimate().rows, benchmark.run(), strict=True):
            assert needs is not None
            assert measured.measurement.memory is not None
            peak_mb = measured.measurement.memory.details["allocated_peak_bytes"] / MEGABYTE
            found = f"{needs.total_mb:,.0f} / {peak_mb:,.0f} MB = {needs.total_mb / peak_mb:.4f}"
            yield f"{row}: estimate against the allocator's peak", found, "0.95 to 1.05"


def achieved() -> Iterator[Row]:
    """Measure what models achieve, which share of the GPU's peaks that is, and what it takes."""
    common = {"memory": False, "rounds": 1, "dtype": ["float32", "bfloat16"]}
    passes = PyTorchBenchmark(
        PyTorchBenchmarkArguments(
            models=["google-bert/bert-base-uncased", "openai-community/gpt2"], batch_sizes=[1, 32],
            sequence_lengths=[128, 512], **common,
        )
    ).run()  # fmt: skip
    texts = PyTorchBenchmark(
        PyTorchBenchmarkArguments(
            models=["meta-llama/Llama-3.2-1B"], batch_sizes=[1], sequence_lengths=[512], new_tokens=32,
            inference=False, generation=True, **common,
        )
    ).run()  # fmt: skip
    for row, cells in zip(
        [*passes, *texts], [*passes.frame.to_dict("records"), *texts.frame.to_dict("records")], strict=True
    ):
        shares = {
            "of the peak": cells["utilization"],
            "of the bandwidth": cells.get("bandwidth_utilization", float("nan")),
        }
        told = ", ".join(f"{100 * share:.1f} % {of}" for of, share in shares.items() if share == share)
        watts = cells["energy_j"] / cells["time_s"]
        measured = f"{1000 * cells['time_s']:.2f} ms, {told}, {cells['energy_j']:.3g} J ({watts:.0f} W)"
        yield f"{row}: time, share, energy", measured, "shares at most 1.02"
    for peaks in (passes + texts).machine_peaks().to_dict("records"):
        measured = (
            f"{peaks['gflops_per_s'] / 1000:.1f} TFLOP/s and {peaks['gb_per_s']:,.0f} GB/s; published "
            f"{peaks['published_gflops_per_s'] / 1000:.1f} and {peaks['published_gb_per_s']:,.0f}"
        )
        yield f"{peaks['machine']}, {peaks['dtype']}: peaks", measured, "reported"


def _median_and_range(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def _mb(count: float) -> str:
    return f"{count / MEGABYTE:.1f} MB"
