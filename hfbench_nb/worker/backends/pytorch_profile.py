"""PyTorch: where the time of a call goes, by PyTorch's own profiler."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.autograd.profiler import record_function
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.profile import Profile
from hfbench_nb.worker.backends.pytorch_devices import device_module
from hfbench_nb.worker.backends.pytorch_events import CALL, Shortened, Spent
from hfbench_nb.worker.backends.pytorch_generation import Generate
from hfbench_nb.worker.backends.pytorch_groups import Part, parts_of

# New tokens of a generation that is traced: what the others take is in proportion to all but the first.
_MOST_TOKENS = 8
# As many calls are traced, unless they take longer than this, seconds, together.
_MOST_CALLS, _ENOUGH_S = 3, 2.0
# A trace of more events takes gigabytes and minutes to read.
_MOST_EVENTS = 1_500_000
# Compressed; a page that shows traces has difficulty with larger ones.
_LARGEST_TRACE_BYTES = 32 * MEGABYTE

# Their operators count as those of what holds them: a range of its own would take longer than they do.
_PASSED_OVER = (torch.nn.Dropout, torch.nn.Identity)


class Profiling:
    """What a runtime of PyTorch needs to be a `hfbench_nb.worker.backends.base_profile.ProfilingRuntime`."""

    device: torch.device
    _settings: Settings
    _generate: Generate | None
    _xla: Any

    def profile(self, call: Callable[[], object], model: torch.nn.Module | None) -> Profile:
        """Make a call or a few under PyTorch's profiler.

        Raises
        ------
        NotImplementedError
            On a TPU.
        RuntimeError
            If the call has too many events.
        """
        if self._xla is not None:
            raise NotImplementedError("operators on a TPU are recorded first and run later, which this does not follow")
        ranges = Ranges(model)
        shortened: Shortened | None = None
        with ExitStack() as stack:
            if self._generate is not None:
                shortened = Shortened(*stack.enter_context(self._generate.shortened(_MOST_TOKENS)))
            if self._settings.get("compile") in (None, False, "none"):  # hooks would be compiled, too
                stack.enter_context(ranges.opened())
            untraced_s = None if self.device.type == "cpu" else _duration_s(call, self.device)
            traced = _trace(call, self.device)
        events = traced.events()  # type: ignore[no-untyped-call]
        assert events is not None
        spent = Spent(events, ranges.parts, ranges.labels, shortened, untraced_s)
        trace, note = _export(traced)
        return spent.profile("; ".join(filter(None, [ranges.note(), *spent.notes, note])), trace)


class Ranges:
    """Marks in a trace when which module of a model runs.

    Parameters
    ----------
    model
        The model; None if any module that is called counts as one.

    Attributes
    ----------
    parts
        The modules.
    labels
        The position of each module among the parts, by its name in the trace.
    """

    def __init__(self, model: torch.nn.Module | None) -> None:
        self.parts: list[Part] = []
        self.labels: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._takes_any = model is None
        self._open: list[tuple[int, record_function]] = []
        self._has_opened = False
        if model is not None:
            self._add(model)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Mark modules meanwhile."""
        handles = [
            register_module_forward_pre_hook(self._begin),
            register_module_forward_hook(self._end, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def note(self) -> str:
        """Tell if no module was seen to run."""
        is_known = self._has_opened or self._takes_any
        return "" if is_known else "modules cannot be told apart in a compiled or traced model: all counts as other"

    def _add(self, model: torch.nn.Module) -> None:
        prefix = f"{len(self.parts)}: " if self.parts else ""
        for part in parts_of(model, first=len(self.parts)):
            label = f"{prefix}{part.name or 'model'} ({type(part.module).__name__})"
            self.labels[label] = len(self.parts)
            self._names[id(part.module)] = label
            self.parts.append(part)

    def _begin(self, module: torch.nn.Module, _: object) -> None:
        if self._takes_any and not self._open and id(module) not in self._names:
            self._add(module)
        label = self._names.get(id(module))
        if label is not None and not isinstance(module, _PASSED_OVER):
            self._has_opened = True
            opened = record_function(label)
            opened.__enter__()  # type: ignore[no-untyped-call]
            self._open.append((id(module), opened))

    def _end(self, module: torch.nn.Module, *_: object) -> None:
        while self._open and any(key == id(module) for key, _ in self._open):
            key, opened = self._open.pop()
            opened.__exit__(None, None, None)
            if key == id(module):
                return


def _duration_s(call: Callable[[], object], device: torch.device) -> float:
    """Return how long a call takes on a device, seconds: the shortest of a few."""
    taken: list[float] = []
    while len(taken) < _MOST_CALLS and sum(taken) < _ENOUGH_S:
        start_s = time.perf_counter()
        call()
        device_module(device).synchronize()
        taken.append(time.perf_counter() - start_s)
    return min(taken)


def _trace(call: Callable[[], object], device: torch.device) -> torch.profiler.profile:
    """Trace a call: several short ones, of which the shortest is the one least disturbed by the machine."""
    kinds = {"cuda": torch.profiler.ProfilerActivity.CUDA, "xpu": torch.profiler.ProfilerActivity.XPU}
    activities = [torch.profiler.ProfilerActivity.CPU, *(kind for name, kind in kinds.items() if name == device.type)]
    given: dict[str, Any] = {"activities": activities, "profile_memory": True, "acc_events": True}
    with torch.profiler.profile(**given):  # what the profiler itself needs when it is first used
        torch.ones(1, device=device)
    taken: list[tuple[float, torch.profiler.profile]] = []
    while len(taken) < _MOST_CALLS and sum(duration_s for duration_s, _ in taken) < _ENOUGH_S:
        with torch.profiler.profile(**given) as traced, record_function(CALL):
            start_s = time.perf_counter()
            call()
            if device.type != "cpu":
                device_module(device).synchronize()
            taken.append((time.perf_counter() - start_s, traced))
    _, traced = min(taken, key=lambda each: each[0])
    recorded = traced.profiler.kineto_results if traced.profiler is not None else None
    number = 0 if recorded is None else len(recorded.events())
    if number > _MOST_EVENTS:
        raise RuntimeError(f"the traced call has {number:,} events; at most {_MOST_EVENTS:,} can be read")
    return traced


def _export(traced: torch.profiler.profile) -> tuple[str, str]:
    """Write the trace to a file, which the reader of the reply moves; return its path, and why there is none."""
    descriptor, name = tempfile.mkstemp(prefix="hfbench-trace-", suffix=".json.gz")
    os.close(descriptor)
    path = Path(name)
    try:
        traced.export_chrome_trace(name)
        size = path.stat().st_size
        if size <= _LARGEST_TRACE_BYTES:
            return name, ""
        why = f"it takes {size / MEGABYTE:,.0f} MB, more than {_LARGEST_TRACE_BYTES / MEGABYTE:,.0f}"
    except OSError as error:
        why = str(error)
    path.unlink()
    return "", f"the trace was not kept: {why}"
