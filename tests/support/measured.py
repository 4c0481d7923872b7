"""Results as a run would give them, without a run."""

from __future__ import annotations

import dataclasses
import random

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.line_trace import LineTrace, Place
from hfbench_nb.protocol.measurement import Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

LENGTHS = [8, 32, 128, 512]
MIB = 1 << 20
TRACE = LineTrace(("/m.py",), ("m",), (Place(0, 0, 7, "line", "x = f()"),), (0, 0), 1 << 20, (3 << 20, 1 << 20))


def case_of(model="bert", task="inference", batch_size=8, sequence_length=8):
    return Case("PyTorch", model, task, batch_size, sequence_length)


def ok(time_s=0.02, memory_mib=500, spread=0.01, note=""):
    timing = Timing((time_s, time_s * (1 + spread), time_s * (1 - spread)), precision=0.05)
    memory = MemoryUse("VmHWM", memory_mib * MIB, 250 * MIB, 200 * MIB, (memory_mib - 450) * MIB)
    return Measurement("ok", timing, memory, note=note)


def failed(status="oom", message="no memory"):
    return Measurement(status, failure=Failure("MemoryError", message, "Traceback ..."))


def function_row():
    return Case("PyTorch", "my_function", "function", None, None), ok()


def results_of(*entries):
    return BenchmarkResults(entries, {}, {})


def sweep(models=("bert", "gpt2"), batch_sizes=(8,), lengths=LENGTHS, tasks=("inference",), framework="PyTorch"):
    entries = [
        (
            dataclasses.replace(case_of(m, t, b, n), framework=framework),
            ok(0.001 * n * b * (i + 1), 450 + n + 10 * i),
        )
        for i, m in enumerate(models)
        for b in batch_sizes
        for n in lengths
        for t in tasks
    ]
    return BenchmarkResults(entries, {}, {})


def with_settings(case, **settings):
    return dataclasses.replace(case, settings=Settings(settings))


def traced_run():
    measured = dataclasses.replace(ok(), line_trace=TRACE)
    return BenchmarkResults(
        [(case_of(), measured), (case_of(task="training"), measured)],
        {"framework": "PyTorch"},
        {"speed": True, "memory": True, "trace_memory_line_by_line": True},
    )


def measure_result(name="sorted"):
    case = Case("Python", name, "function")
    return BenchmarkResults([(case, ok(0.25))], {"framework": "Python"}, {"speed": True, "memory": True})


def timed(time_s, noise=0.01, seed=0, n=9):
    rng = random.Random(seed)
    return dataclasses.replace(ok(), timing=Timing(tuple(time_s * (1 + rng.gauss(0, noise)) for _ in range(n))))
