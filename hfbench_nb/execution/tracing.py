"""Tracing memory line by line, in any code: `start_memory_tracing` and `stop_memory_tracing`."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from hfbench_nb.display.memory_summary import MemorySummary, summarize
from hfbench_nb.protocol.errors import TracingError, wrong_value
from hfbench_nb.rendering.keywords import refuse_unknown_keywords
from hfbench_nb.worker.memory_trace import EVENTS, MemoryTrace
from hfbench_nb.worker.nvml import used_memory_reader

# The events that None stands for: those that the interpreter reports without further settings.
_DEFAULT_EVENTS = EVENTS[:4]

_lock = threading.Lock()
_active: MemoryTrace | None = None


@refuse_unknown_keywords
def start_memory_tracing(
    modules_to_trace: str | Iterable[str] | None = None,
    modules_not_to_trace: str | Iterable[str] | None = None,
    events_to_trace: str | Iterable[str] | None = "line",
    gpus_to_trace: Iterable[int] | None = None,
) -> MemoryTrace:
    """Start recording memory before each line that this thread runs in functions called from now on.

    Parameters
    ----------
    modules_to_trace
        Modules whose code is traced, given by one or several parts of module names, such as
        ``"transformers.models.bert"``; by default all.
    modules_not_to_trace
        Modules whose code is not traced, given in the same way; they take precedence.
    events_to_trace
        Events to record, one or several of ``line``, ``call``, ``return``, ``exception``, ``opcode``
        (see `sys.settrace`); None records all but ``opcode``.
    gpus_to_trace
        NVIDIA GPUs whose used memory is added up, by NVML's index; by default all, none for an empty list.  A reading
        takes longer than one of the process's memory: give an empty list for code that uses no GPU.

    Returns
    -------
    MemoryTrace
        The trace, to be passed to `stop_memory_tracing`.

    Raises
    ------
    ArgumentError
        If a parameter cannot be used.
    TracingError
        If a trace is already active.

    Examples
    --------
    >>> from hfbench_nb import start_memory_tracing, stop_memory_tracing
    >>> trace = start_memory_tracing("json", gpus_to_trace=[])
    >>> import json
    >>> json.loads("[1, 2]")
    [1, 2]
    >>> summary = stop_memory_tracing(trace)
    >>> summary.sequential[0].frame.module
    'json'
    """
    trace = MemoryTrace(
        None if modules_to_trace is None else _texts("modules_to_trace", modules_to_trace),
        _texts("modules_not_to_trace", modules_not_to_trace or ()),
        _DEFAULT_EVENTS if events_to_trace is None else _texts("events_to_trace", events_to_trace, EVENTS),
        used_memory_reader(gpus_to_trace),
    )
    global _active
    with _lock:
        if _active is not None:
            raise TracingError("A memory trace is already active: end it with stop_memory_tracing() first.")
        _active = trace
    trace.start()
    return trace


@refuse_unknown_keywords
def stop_memory_tracing(
    memory_trace: MemoryTrace | None = None, ignore_released_memory: bool = True
) -> MemorySummary | None:
    """End the active trace and summarise it.

    Parameters
    ----------
    memory_trace
        The return value of `start_memory_tracing`.  A trace that was stopped before is summarised again.
    ignore_released_memory
        Whether steps that released memory are left out of the total.

    Returns
    -------
    MemorySummary or None
        None without `memory_trace`.  Each step covers the time until the next traced line; the last one, the time
        until now.

    Raises
    ------
    ArgumentError
        If `memory_trace` is not a trace.
    TracingError
        If no trace is active, or one other than `memory_trace`.
    """
    global _active
    if memory_trace is not None and not isinstance(memory_trace, MemoryTrace):
        raise wrong_value("memory_trace", memory_trace, "what start_memory_tracing returned, or None")
    with _lock:
        if _active is None and memory_trace is None:
            raise TracingError("No memory trace is active: start_memory_tracing() starts one.")
        if _active is not None and memory_trace is not None and memory_trace is not _active:
            raise TracingError("Another memory trace is active: end it with stop_memory_tracing() first.")
        if _active is not None:
            _active.stop()
            _active = None
    if memory_trace is None:
        return None
    return summarize(memory_trace.to_record(), ignore_released_memory=ignore_released_memory)


def _texts(name: str, value: object, allowed: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return `value`, one string or several, as a tuple."""
    texts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (None,)
    if all(isinstance(text, str) and text and (allowed is None or text in allowed) for text in texts):
        return texts
    if allowed is None:
        raise wrong_value(name, value, "a string, several strings, or None")
    raise wrong_value(name, value, f"one or several of {', '.join(map(repr, allowed))}, or None")
