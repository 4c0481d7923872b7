"""Line-by-line memory tracing of user code."""

from __future__ import annotations

import subprocess
import sys
import threading
import types

import pytest

from hfbench_nb import start_memory_tracing, stop_memory_tracing
from hfbench_nb.display.memory_summary import summarize
from hfbench_nb.protocol.errors import ArgumentError, TracingError
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.worker.heap import release_free_memory
from hfbench_nb.worker.memory_trace import MemoryTrace

pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("tracing")]

BIG = 64 * MEGABYTE
CODE = """\
def outer(size):
    block = bytearray(size)
    inner(size)
    other.helper(size)
    return bytearray(size)

def inner(size):
    block = bytearray(2 * size)
    block = None
    return 1
"""
HELPER = """\
def helper(size):
    return len(bytearray(size))
"""


@pytest.fixture(autouse=True)
def _nothing_left():
    before = sys.gettrace()
    yield
    assert sys.gettrace() is before
    with pytest.raises(TracingError):
        stop_memory_tracing()


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A module whose allocations are known, and one that it calls."""
    (tmp_path / "planted_code.py").write_text(f"import planted_helper as other\n\n{CODE}")
    (tmp_path / "planted_helper.py").write_text(HELPER)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("planted_code", "planted_helper"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import planted_code

    return planted_code


def traced(call, *args, **kwargs):
    release_free_memory()  # what earlier tests of this process have freed would be used again, and add nothing
    trace = start_memory_tracing(*args, gpus_to_trace=[], **kwargs)
    try:
        kept = call()
    finally:
        summary = stop_memory_tracing(trace)
    del kept
    return trace, summary


def megabytes_of_lines(summary):
    return {state.frame.line_text.strip(): state.cpu.bytes / MEGABYTE for state in summary.cumulative}


# ---- attribution


def test_planted_allocation_is_attributed_to_its_line(planted):
    _, summary = traced(lambda: planted.outer(BIG), "planted_code")
    amounts = megabytes_of_lines(summary)
    assert amounts["block = bytearray(size)"] == pytest.approx(64, abs=2)
    assert amounts["block = bytearray(2 * size)"] == pytest.approx(128, abs=2)
    assert amounts["block = None"] == pytest.approx(-128, abs=2)
    first = summary.sequential[0].frame
    assert first == (planted.__file__, "planted_code", 4, "line", "    block = bytearray(size)")


def test_last_line_counts_up_to_the_stop(planted):
    _, summary = traced(lambda: planted.inner(BIG), "planted_code")
    assert [state.frame.line_number for state in summary.sequential] == [10, 11, 12]


def test_nested_calls_are_in_the_order_run(planted):
    _, summary = traced(lambda: planted.outer(MEGABYTE), ["planted_code", "planted_helper"])
    order = [(state.frame.module, state.frame.line_number) for state in summary.sequential]
    code, helper = "planted_code", "planted_helper"
    assert order == [(code, 4), (code, 5), (code, 10), (code, 11), (code, 12), (code, 6), (helper, 2), (code, 7)]


def test_modules_not_to_trace_win(planted):
    _, summary = traced(lambda: planted.outer(BIG), "planted", "planted_helper")
    assert {state.frame.module for state in summary.sequential} == {"planted_code"}


def test_sums(planted):
    trace, summary = traced(lambda: planted.outer(BIG), "planted_code")
    changes = [state.cpu_gpu.bytes for state in summary.sequential]
    assert summary.total.bytes == sum(change for change in changes if change > 0)
    assert stop_memory_tracing(trace, ignore_released_memory=False).total.bytes == sum(changes)
    by_size = [state.cpu_gpu.bytes for state in summary.cumulative]
    assert by_size == sorted(by_size, reverse=True)
    assert summary.current[0].cpu.bytes == max(trace[0].cpu_memory + sum(changes[: i + 1]) for i in range(len(changes)))
    sequential, _, current, total = summary
    assert (str(total), len(sequential)) == (str(summary.total.bytes >> 20), len(current))


def test_trace_is_a_sequence_of_readings(planted):
    trace, summary = traced(lambda: planted.outer(MEGABYTE), "planted_code")
    assert [state.frame for state in trace] == [state.frame for state in summary.sequential]
    assert trace[-1] == trace[len(trace) - 1]
    assert trace[0].gpu_memory == 0
    assert len(trace[1:3]) == 2
    with pytest.raises(IndexError):
        trace[len(trace)]


def test_events(planted):
    _, summary = traced(lambda: planted.outer(MEGABYTE), "planted_code", events_to_trace=["call", "return"])
    events = [(state.frame.event, state.frame.line_number) for state in summary.sequential]
    assert events == [("call", 3), ("call", 9), ("return", 12), ("return", 7)]
    _, summary = traced(lambda: planted.outer(MEGABYTE), "planted_code", events_to_trace=None)
    assert {state.frame.event for state in summary.sequential} == {"call", "line", "return"}
    _, summary = traced(lambda: planted.inner(MEGABYTE), "planted_code", events_to_trace="opcode")
    assert {state.frame.event for state in summary.sequential} == {"opcode"}


def test_code_without_a_file_and_own_code():
    space = {"__name__": "made_up"}
    exec(compile("def f():\n    return 1\n", "<made up>", "exec"), space)
    _, summary = traced(space["f"])
    frames = [state.frame for state in summary.sequential]
    assert ("<made up>", "made_up", 2, "line", "") in frames
    assert not [frame for frame in frames if frame.module in ("hfbench_nb.tracing", "hfbench_nb.memory_trace")]


def test_nothing_traced():
    _, summary = traced(lambda: None, "no such module")
    assert summary == ([], [], [], (0,))
    assert "Total memory increase: 0" in str(summary)
    assert len(summary.frame) == 0
    assert "0 steps" in summary._repr_html_()


# ---- starting and stopping


def test_previous_trace_function_is_restored(planted):
    def other(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(other)
    try:
        traced(lambda: planted.inner(1), "planted_code")
        assert sys.gettrace() is other
    finally:
        sys.settrace(before)


def test_a_trace_function_set_later_is_left_alone(planted):
    def later(frame, event, argument):
        return None

    before = sys.gettrace()
    trace = start_memory_tracing("planted_code", gpus_to_trace=[])
    ours = sys.gettrace()
    sys.settrace(later)
    stop_memory_tracing(trace)
    assert sys.gettrace() is later
    sys.settrace(ours)  # as a tool does that saved it: it gives way as soon as it is called
    planted.inner(1)
    assert sys.gettrace() is before


def test_stopped_twice_and_in_another_order(planted):
    trace, summary = traced(lambda: planted.inner(1), "planted_code")
    assert stop_memory_tracing(trace) == summary
    with pytest.raises(TracingError, match=r"No memory trace is active: start_memory_tracing\(\)"):
        stop_memory_tracing()
    second = start_memory_tracing("planted_code", gpus_to_trace=[])
    try:
        with pytest.raises(TracingError, match="Another memory trace"):
            stop_memory_tracing(trace)
        with pytest.raises(TracingError, match="already active"):
            start_memory_tracing()
    finally:
        assert stop_memory_tracing() is None
    assert len(second) == 0


def test_stopped_from_another_thread(planted):
    before = sys.gettrace()
    trace = start_memory_tracing("planted_code", gpus_to_trace=[])
    planted.inner(1)
    thread = threading.Thread(target=stop_memory_tracing, args=[trace])
    thread.start()
    thread.join()
    count = len(trace)
    planted.inner(1)
    assert len(trace) == count == 3
    assert sys.gettrace() is before


def test_interrupt_inside_the_trace_function(planted, monkeypatch):
    readings = iter([1 * MEGABYTE, 2 * MEGABYTE])

    def read_gpu():
        try:
            return next(readings)
        except StopIteration:
            monkeypatch.setattr(trace, "_read_gpu", lambda: 3 * MEGABYTE)
            raise KeyboardInterrupt from None

    trace = MemoryTrace(("planted_code",), read_gpu=read_gpu)
    trace.start()
    with pytest.raises(KeyboardInterrupt):
        planted.inner(1)
    trace.stop()
    assert [state.gpu.bytes for state in summarize(trace.to_record()).sequential] == [MEGABYTE, MEGABYTE]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"modules_to_trace": 3}, "modules_to_trace=3 cannot be used: modules_to_trace must be a string, "),
        ({"modules_not_to_trace": [""]}, "modules_not_to_trace=['']"),
        (
            {"events_to_trace": "lines"},
            "events_to_trace='lines' cannot be used: events_to_trace must be one or several",
        ),
        (
            {"gpus_to_trace": [99]},
            "gpus_to_trace=[99] cannot be used: gpus_to_trace must be indices of GPUs; NVML sees",
        ),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ArgumentError) as caught:
        start_memory_tracing(**arguments)
    assert str(caught.value).startswith(message)
    with pytest.raises(ArgumentError, match="memory_trace=3"):
        stop_memory_tracing(3)


# ---- GPUs


def test_gpu_memory_is_added_up(planted, monkeypatch):
    used = {0: 10 * MEGABYTE, 1: 20 * MEGABYTE}

    def info(handle, version):
        used[handle] += MEGABYTE
        return types.SimpleNamespace(used=used[handle])

    nvml = types.SimpleNamespace(
        NVMLError=RuntimeError,
        nvmlMemory_v2=2,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetMemoryInfo=info,
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    trace = start_memory_tracing("planted_code")
    planted.inner(1)
    summary = stop_memory_tracing(trace)
    assert trace[0].gpu_memory == 32 * MEGABYTE
    assert [state.gpu.bytes for state in summary.sequential] == [2 * MEGABYTE] * 3
    trace = start_memory_tracing("planted_code", gpus_to_trace=[1])
    planted.inner(1)
    assert [state.gpu.bytes for state in stop_memory_tracing(trace).sequential] == [MEGABYTE] * 3


def test_importing_tracing_loads_the_standard_library_only():
    code = (
        "import sys, hfbench_nb; hfbench_nb.start_memory_tracing; "
        "print([m for m in ('torch', 'pandas', 'numpy', 'matplotlib', 'jinja2', 'psutil') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
