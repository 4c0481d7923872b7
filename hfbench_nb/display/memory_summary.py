"""What a line-by-line memory trace says: the tuples of the original benchmark, with tables and plots.

Standard library only until a table or a plot is asked for: the measuring process imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hfbench_nb.protocol.records import MEGABYTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from matplotlib.axes import Axes

    from hfbench_nb.protocol.line_trace import LineTrace

SUMMARY_COLUMNS = ("file", "line", "text", "cpu_mb", "gpu_mb", "total_mb")

# How many lines each of the two ranked lists of the report has.
_LISTED = 6


class Memory(NamedTuple):
    """An amount of memory; as text it is the number of whole MB (2^20 bytes), as the original prints it."""

    bytes: int

    def __str__(self) -> str:
        return str(self.bytes >> 20)

    def __repr__(self) -> str:
        return str(self)


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


class MemoryState(NamedTuple):
    """A line and an amount of memory: of the process, of GPUs, and of both."""

    frame: Frame
    cpu: Memory
    gpu: Memory
    cpu_gpu: Memory


class MemorySummary(NamedTuple):
    """What a traced run needed, line by line.

    In a notebook it shows tables; `print` gives the lists of the original's report.  What happens in code that is not
    traced counts for the traced line before it: a backward pass, for the last line of the forward pass.

    Attributes
    ----------
    sequential
        What each step of the run added to the memory, in the order run; negative where memory was given back.
    cumulative
        The same added up for each line, the largest first.
    current
        All the memory that was in use after each step, the largest first.
    total
        The sum of what the steps added, without what they gave back unless that was asked for.
    """

    sequential: list[MemoryState]
    cumulative: list[MemoryState]
    current: list[MemoryState]
    total: Memory

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, a row a step in the order run; `SUMMARY_COLUMNS` names the columns, MB are 2^20 bytes."""
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
        """Give the lists of the original's report and the total."""
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
        """Plot how memory changes along the run, in MB above its start; the lines that added most are named.

        Parameters
        ----------
        ax
            Axes to draw on; by default those of a new pyplot figure.
        """
        from hfbench_nb.display.plots import plot_summary

        return plot_summary(self, ax)

    def _repr_html_(self) -> str:
        from hfbench_nb.display.html_tables import summary_to_html

        return summary_to_html(self)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        lines = len(self.cumulative)
        return f"MemorySummary({len(self.sequential)} steps on {lines} lines, total memory increase {self.total} MB)"


def summarize(trace: LineTrace, *, ignore_released_memory: bool = True) -> MemorySummary:
    """Sum a trace up.

    Parameters
    ----------
    trace
        The steps and their changes of memory.
    ignore_released_memory
        Whether steps that gave memory back are left out of the total.
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
