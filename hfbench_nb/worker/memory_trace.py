"""Recording memory line by line.  Standard library only: the worker imports it.

A trace function is called at every traced line, so as much work as possible is left until the trace is stopped: while
code runs, only three numbers per line are kept; file names and source lines are looked up afterwards.
"""

from __future__ import annotations

import linecache
import sys
import threading
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import CodeType, FrameType
from typing import Any, NamedTuple, overload

from hfbench_nb.protocol.line_trace import LineTrace, Place
from hfbench_nb.worker.memory import ResidentReader

EVENTS = ("line", "call", "return", "exception", "opcode")

TraceFunction = Callable[[FrameType, str, Any], Any]


class Frame(NamedTuple):
    """Where a traced run was.

    Attributes
    ----------
    filename
        The file of the code.
    module
        Name of the module.
    line_number
        Number of the line, from 1.
    event
        What the interpreter told; ``line`` unless other events were asked for.
    line_text
        The line as it was written, without its end; empty where the source is not to be had.
    """

    filename: str
    module: str
    line_number: int
    event: str
    line_text: str


class UsedMemoryState(NamedTuple):
    """A reading just before a line was run.

    Attributes
    ----------
    frame
        The line.
    cpu_memory
        Resident memory of the process, bytes.
    gpu_memory
        Used GPU memory, bytes; 0 where it was not read.
    """

    frame: Frame
    cpu_memory: int
    gpu_memory: int


class MemoryTrace(Sequence[UsedMemoryState]):
    """What a trace has recorded so far: a reading before each traced line.

    Created by `hfbench_nb.start_memory_tracing`.

    Parameters
    ----------
    modules, modules_not
        Parts of module names: the modules to trace, None for all, and those not to trace.
    events
        The events to record, some of `EVENTS`.
    read_gpu
        Returns the used GPU memory, bytes; None to read none.
    """

    def __init__(
        self,
        modules: tuple[str, ...] | None = None,
        modules_not: tuple[str, ...] = (),
        events: tuple[str, ...] = ("line",),
        read_gpu: Callable[[], int] | None = None,
    ) -> None:
        self._modules = modules
        self._modules_not = modules_not
        self._events = events
        self._codes: list[tuple[CodeType, str]] = []
        # One item per reading, except that the last reading, which ends the last step, has no code, line or event.
        self._code_numbers = array("l")
        self._lines = array("l")
        self._event_numbers = array("b")
        self._cpu_bytes = array("q")
        self._gpu_bytes = array("q")
        self._resident = ResidentReader()
        self._read_gpu = read_gpu
        self._thread = threading.get_ident()
        self._previous = sys.gettrace()
        self._function = self._make_trace_function(self._resident.read)
        self._is_active = False

    def start(self) -> None:
        """Start recording in this thread."""
        self._is_active = True
        if "opcode" in self._events:
            # Python 3.12 checks, when a trace function is set, whether any frame requests these events.
            sys._getframe().f_trace_opcodes = True
        sys.settrace(self._function)

    def stop(self) -> None:
        """Take the last reading, and restore the previous trace function."""
        if not self._is_active:
            return
        self._is_active = False
        if self._cpu_bytes:
            self._cpu_bytes.append(self._resident.read())
            if self._read_gpu is not None:
                self._gpu_bytes.append(self._read_gpu())
        # If another tool has set its trace function since, or this is another thread, leave the current one in place:
        # our function, should it be called again, steps aside by itself.
        if threading.get_ident() == self._thread and sys.gettrace() in (self._function, None):
            sys.settrace(self._previous)

    def _make_trace_function(self, read_cpu: Callable[[], int]) -> TraceFunction:
        """Make the function that the interpreter calls at each function call to decide whether its lines are traced."""
        of_code: dict[int, TraceFunction | None] = {}
        ours = (__name__, "hfbench_nb.execution.tracing")
        with_opcodes = "opcode" in self._events

        def on_call(frame: FrameType, event: str, argument: Any) -> Any:
            code = frame.f_code
            try:
                local = of_code[id(code)]
            except KeyError:
                module = str(frame.f_globals.get("__name__", ""))
                wanted = module not in ours and self._is_traced(module)
                local = self._make_local_function(len(self._codes), read_cpu) if wanted else None
                of_code[id(code)] = local
                self._codes.append((code, module))  # also keeps the code alive, so that its id is not reused
            if not self._is_active:
                return self._give_way(frame, event, argument)
            if local is None:
                return None
            if with_opcodes:
                frame.f_trace = local  # Python 3.13 requires it first
                frame.f_trace_opcodes = True
            local(frame, event, argument)
            return local

        return on_call

    def _make_local_function(self, number: int, read_cpu: Callable[[], int]) -> TraceFunction:
        """Make the function that the interpreter calls at each line of one code object: the path that must be fast."""
        event_numbers = {event: EVENTS.index(event) for event in self._events}
        read_gpu = self._read_gpu
        add_code, add_line, add_event = self._code_numbers.append, self._lines.append, self._event_numbers.append
        add_cpu, add_gpu = self._cpu_bytes.append, self._gpu_bytes.append

        def on_event(frame: FrameType, event: str, argument: Any) -> TraceFunction:
            if event in event_numbers and self._is_active:
                add_cpu(read_cpu())
                if read_gpu is not None:
                    add_gpu(read_gpu())
                add_code(number)
                add_line(frame.f_lineno or frame.f_code.co_firstlineno)  # None for code that the compiler added
                add_event(event_numbers[event])
            return on_event

        return on_event

    def _is_traced(self, module: str) -> bool:
        if self._modules is not None and not any(part in module for part in self._modules):
            return False
        return not any(part in module for part in self._modules_not)

    def _give_way(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Restore the previous trace function: this one was called after its end."""
        previous: Callable[..., Any] | None = self._previous
        sys.settrace(self._previous)
        return None if previous is None else previous(frame, event, argument)

    # ---- what was recorded

    def __len__(self) -> int:
        return len(self._event_numbers)  # appended last: the user's interrupt can come between two of the numbers

    @overload
    def __getitem__(self, index: int) -> UsedMemoryState: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[UsedMemoryState]: ...

    def __getitem__(self, index: int | slice) -> UsedMemoryState | Sequence[UsedMemoryState]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        code, module = self._codes[self._code_numbers[index]]
        line = self._lines[index]
        text = linecache.getline(code.co_filename, line).rstrip()
        frame = Frame(code.co_filename, module, line, EVENTS[self._event_numbers[index]], text)
        return UsedMemoryState(frame, self._cpu_bytes[index], self._gpu_bytes[index] if self._gpu_bytes else 0)

    def to_record(self) -> LineTrace:
        """Return the trace as compact data, with its source lines; call it after `stop`."""
        count = len(self)
        if not count:
            return LineTrace()
        files: dict[str, int] = {}
        modules: dict[str, int] = {}
        places: dict[Place, int] = {}
        known: dict[tuple[int, int, int], int] = {}
        steps = []
        for key in zip(self._code_numbers[:count], self._lines[:count], self._event_numbers, strict=True):
            if key not in known:
                (code, module), line, event = self._codes[key[0]], key[1], EVENTS[key[2]]
                if code.co_filename not in files:
                    linecache.checkcache(code.co_filename)
                text = linecache.getline(code.co_filename, line).rstrip()
                file_number = files.setdefault(code.co_filename, len(files))
                place = Place(file_number, modules.setdefault(module, len(modules)), line, event, text)
                known[key] = places.setdefault(place, len(places))
            steps.append(known[key])
        return LineTrace(
            files=tuple(files),
            modules=tuple(modules),
            places=tuple(places),
            steps=tuple(steps),
            cpu_start_bytes=self._cpu_bytes[0],
            cpu_change_bytes=_changes(self._cpu_bytes[: count + 1]),
            gpu_start_bytes=self._gpu_bytes[0] if self._gpu_bytes else 0,
            gpu_change_bytes=_changes(self._gpu_bytes[: count + 1]),
        )


def _changes(readings: Sequence[int]) -> tuple[int, ...]:
    return tuple(after - before for before, after in pairwise(readings))


def trace_call(
    call: Callable[[], object], modules: tuple[str, ...], read_gpu: Callable[[], int] | None = None
) -> LineTrace:
    """Trace one call, without disturbing a trace that the user has started.

    Parameters
    ----------
    call
        The call to trace; what it returns is released only after the last reading.
    modules
        Parts of the names of the modules to trace.
    read_gpu
        Returns the used GPU memory, bytes; None to read none.
    """
    trace = MemoryTrace(modules, read_gpu=read_gpu)
    trace.start()
    try:
        kept = call()
    finally:
        trace.stop()
    del kept
    return trace.to_record()
