"""What PyTorch's allocator hands out during a real call, by its own count."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch.profiler import ProfilerActivity, profile

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.protocol.tasks import TASKS
from support import workloads

_ID_BYTES = 4


def allocated_peak(call: Callable[[], object]) -> int:
    """Return the largest number of bytes that PyTorch's allocator has handed out during a call."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        call()
    events = [each for each in watched.profiler.kineto_results.events() if each.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda each: each.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    assert peak > 0
    return peak


def really_needed(
    task: str, spec: ModelSpec, settings: Mapping[str, Any], batch_size: int, sequence_length: int
) -> int:
    """Return what a case needs beside the weights, bytes: in its calls by the allocator's count, and what it is given.

    An optimizer's state exists before the call that is watched.
    """
    case = Case("PyTorch", spec.name, task, batch_size, sequence_length, Settings(settings))
    runtime = workloads.open_runtime("PyTorch", dict(settings))
    with runtime.hear():
        prepared = resolve(TASKS[task].workload)(case, spec).prepare(runtime)
        if prepared.phases is None:  # gradients are allocated anew; a static cache is kept
            prepared.call()
            runtime.forget_passes(prepared.model)
            peak_bytes = allocated_peak(prepared.call)
        elif task == "training":
            peak_bytes = allocated_peak(prepared.call) + round(prepared.metrics()["optimizer_mb"] * MEGABYTE)
        else:
            peak_bytes = allocated_peak(lambda: prepared.phases.call(lambda: None))
        given_bytes = sum(math.prod(shape) for shape in prepared.details["inputs"].values()) * _ID_BYTES
        return peak_bytes + prepared.model_facts.non_persistent_buffer_bytes + given_bytes
