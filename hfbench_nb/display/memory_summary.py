"""The summary of a line-by-line memory trace: the tuples of the original benchmark, with tables and plots."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from hfbench_nb.display.plots.line_memory import plot_memory_line
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.line_trace import LineTrace
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.rendering.escaping import for_stdout
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.keywords import refuse_unknown_keywords_of_methods
from hfbench_nb.results.nested import Memory
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.worker.memory_trace import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from matplotlib.axes import Axes

SUMMARY_COLUMNS = ("file", "line", "text", "cpu_mb", "gpu_mb", "total_mb")

# Number of lines in each of the two ranked lists of the report.
_LISTED = 6
# Limits that keep a notebook small: the DataFrame of a summary has every step.
_TOP_LINES = 12
_STEPS_SHOWN = 200


class MemoryState(NamedTuple):
    """A line and an amount of memory: of the process, of GPUs, and of both."""

    frame: Frame
    cpu: Memory
    gpu: Memory
    cpu_gpu: Memory


@refuse_unknown_keywords_of_methods
class MemorySummary(NamedTuple):
    """The memory that a traced run needed, line by line.

    A notebook displays it as tables; `print` prints the lists of the original's report.  Changes in code that is not
    traced count for the traced line before it: those of a backward pass, for the last line of the forward pass.

    Attributes
    ----------
    sequential
        What each step of the run added to the memory, in execution order; negative where memory was released.
    cumulative
        The same, summed for each line, the largest first.
    current
        The total memory in use after each step, the largest first.
    total
        The sum of what the steps added, without what they released unless that was requested.
    """

    sequential: list[MemoryState]
    cumulative: list[MemoryState]
    current: list[MemoryState]
    total: Memory

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, one row per step in execution order; `SUMMARY_COLUMNS` names the columns, MB are 2^20 bytes."""
        import pandas as pd

        rows = [
            (
                state.frame.filename,
                state.frame.line_number,
                state.frame.line_text,
                *(amount.bytes / MEGABYTE for amount in (state.cpu, state.gpu, state.cpu_gpu)),
            )
            for state in self.sequential
        ]
        return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))

    def report(self) -> str:
        """Return the lists of the original's report and the total."""
        parts = (
            ("Line by line memory consumption", "", self.sequential),
            ("Lines with top memory consumption", "=> ", self.cumulative[:_LISTED]),
            ("Lines with lowest memory consumption", "=> ", self.cumulative[-_LISTED:]),
        )
        lines: list[str] = []
        for title, mark, states in parts:
            lines += ["", f"{title}:", *(mark + _describe(state) for state in states)]
        return "\n".join([*lines, "", f"Total memory increase: {self.total}"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Plot memory along the run, in MB above its start; the lines that added most are named.

        Parameters
        ----------
        ax
            Axes to draw on; by default those of a new pyplot figure.
        """
        steps = [
            (state.frame.filename, state.frame.line_number, state.cpu.bytes, state.gpu.bytes)
            for state in self.sequential
        ]
        return plot_memory_line(steps, ax)

    def _repr_html_(self) -> str:
        changing = [state for state in self.sequential if state.cpu_gpu.bytes]
        return render(
            "summary.html.j2",
            total=_megabytes(self.total),
            steps=len(self.sequential),
            places=len(self.cumulative),
            has_gpu=any(state.gpu.bytes for state in self.sequential),
            top=[_line_row(state) for state in self.cumulative[:_TOP_LINES]],
            changing=[_line_row(state) for state in changing[:_STEPS_SHOWN]],
            changing_count=len(changing),
        )

    def __str__(self) -> str:
        return for_stdout(self.report())

    def __repr__(self) -> str:
        lines = len(self.cumulative)
        return f"MemorySummary({len(self.sequential)} steps on {lines} lines, total memory increase {self.total} MB)"


def summarize(trace: LineTrace, *, ignore_released_memory: bool = True) -> MemorySummary:
    """Summarize a trace.

    Parameters
    ----------
    trace
        The steps and their changes of memory.
    ignore_released_memory
        Whether steps that released memory are left out of the total.
    """
    frames = [
        Frame(trace.files[place.file], trace.modules[place.module], place.line, place.event, place.text)
        for place in trace.places
    ]
    sequential: list[MemoryState] = []
    current: list[MemoryState] = []
    of_line: dict[Frame, tuple[int, int]] = {}
    cpu_now, gpu_now = trace.cpu_start_bytes, trace.gpu_start_bytes
    for step, cpu, gpu in _steps(trace):
        frame = frames[step]
        cpu_now, gpu_now = cpu_now + cpu, gpu_now + gpu
        sequential.append(_state(frame, cpu, gpu))
        current.append(_state(frame, cpu_now, gpu_now))
        cpu_before, gpu_before = of_line.get(frame, (0, 0))
        of_line[frame] = cpu_before + cpu, gpu_before + gpu
    cumulative = [_state(frame, *amounts) for frame, amounts in of_line.items()]
    for states in (cumulative, current):
        states.sort(key=lambda state: state.cpu_gpu.bytes, reverse=True)
    changes = (state.cpu_gpu.bytes for state in sequential)
    total = sum(max(0, change) for change in changes) if ignore_released_memory else sum(changes)
    return MemorySummary(sequential, cumulative, current, Memory(total))


def _steps(trace: LineTrace) -> Iterator[tuple[int, int, int]]:
    gpu_change_bytes = trace.gpu_change_bytes or (0,) * len(trace.steps)
    return zip(trace.steps, trace.cpu_change_bytes, gpu_change_bytes, strict=True)


def _state(frame: Frame, cpu_bytes: int, gpu_bytes: int) -> MemoryState:
    return MemoryState(frame, Memory(cpu_bytes), Memory(gpu_bytes), Memory(cpu_bytes + gpu_bytes))


def _describe(state: MemoryState) -> str:
    frame = state.frame
    return f"{frame.filename}:{frame.line_number}: mem {state.cpu_gpu}: {frame.line_text}"


def _line_row(state: MemoryState) -> dict[str, str]:
    """Return the texts of a step for the table; the link is derived from the path alone."""
    frame = state.frame
    path = PureWindowsPath(frame.filename) if frame.filename[1:2] == ":" else PurePosixPath(frame.filename)
    return {
        "file": frame.filename,
        "place": f"{path.name}:{frame.line_number}",
        "link": f"{path.as_uri()}#L{frame.line_number}" if path.is_absolute() else "",
        "text": frame.line_text.strip(),
        **{name: _megabytes(getattr(state, name)) for name in ("cpu", "gpu", "cpu_gpu")},
    }


def _megabytes(amount: Memory) -> str:
    return f"{amount.bytes / MEGABYTE:,.1f}"


def summaries(results: ResultSet) -> dict[Case, MemorySummary]:
    """Return the line-by-line memory of every traced case."""
    return {case: summarize(m.line_trace) for case, m in results.entries if m.line_trace is not None}


def last_summary(results: ResultSet, task: str) -> MemorySummary | None:
    """Return the line-by-line memory of the last traced case of a task, like the original; None without one."""
    traced = [m.line_trace for case, m in results.entries if case.task == task and m.line_trace is not None]
    return summarize(traced[-1]) if traced else None
