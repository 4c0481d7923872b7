"""Two runs side by side, cell by cell: before and after, two frameworks, this machine and a published one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.pairs import Pair, Side, match_cells
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.protocol.records import MEGABYTE, Measurement
from hfbench_nb.rendering.escaping import printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.units import format_memory, format_ratio, format_time

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from hfbench_nb.facade.benchmark_results import BenchmarkResults


class Comparison:
    """The cells that two runs have in common.  A notebook shows a table; `print` gives it as text.

    Ratios are *this / other*: below 1, this is faster or needs less memory.

    Parameters
    ----------
    pairs
        The cells that both have.
    unmatched
        The cells that one has alone, of this and of the other.
    names
        What the two are called.
    """

    def __init__(
        self, pairs: Iterable[Pair], unmatched: tuple[Sequence[Side], Sequence[Side]], names: tuple[str, str]
    ) -> None:
        self.pairs = tuple(pairs)
        self.names = names
        self._unmatched = unmatched

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, a row a cell: both figures, their ratios (this / other) and what bounds them.

        ``time_differs`` is missing where the samples of one side are not known.  Memory is a single reading a cell: its
        ratio has no interval.
        """
        import pandas as pd

        frame = pd.DataFrame([_frame_row(pair) for pair in self.pairs])
        return frame.astype({"time_differs": "boolean"})

    @property
    def unmatched(self) -> pd.DataFrame:
        """A DataFrame, a row a cell that one side has alone; ``side`` says which."""
        import pandas as pd

        rows = [
            (name, side.cell.framework, side.label, side.cell.task, side.cell.batch_size, side.cell.sequence_length)
            for name, sides in zip(self.names, self._unmatched, strict=True)
            for side in sides
        ]
        return pd.DataFrame(rows, columns=["side", "framework", "model", "task", "batch_size", "sequence_length"])

    def plot(self, values: str = "time_s", *, log: bool = True, ax: Axes | None = None) -> Axes:
        """Plot the ratios against sequence length, with their 95 % intervals, as bars where there is one length.

        Parameters
        ----------
        values
            ``time_s`` or ``memory_mb``.
        log
            Logarithmic axes.
        ax
            Axes to draw on; by default those of a new pyplot figure.

        Raises
        ------
        ArgumentError
            If `values` is neither, or no cell has sizes.
        """
        from hfbench_nb.display.plots.ratios import plot_ratios

        return plot_ratios(self, values, log=log, ax=ax)

    def _repr_html_(self) -> str:
        return render(
            "comparison.html.j2", names=self.names, rows=[_texts_of(pair) for pair in self.pairs], alone=self._alone()
        )

    def __str__(self) -> str:
        this, other = self.names
        lines = [f"{this} / {other} (below 1: {this} is faster, or needs less memory)"]
        for pair in self.pairs:
            text = _texts_of(pair)
            time = f"time {text['time']} / {text['other_time']} = {text['time_ratio']}".rstrip(" =")
            memory = f"memory {text['memory']} / {text['other_memory']} = {text['memory_ratio']}".rstrip(" =")
            lines.append(
                f"{printable(str(pair.this))}: {time} {text['time_interval']} {text['verdict']}".rstrip()
                + f"; {memory}"
            )
        lines += [f"Only in {name}: {printable(cell)}" for name, cell in self._alone()]
        return "\n".join(lines)

    __repr__ = __str__

    def _alone(self) -> list[tuple[str, str]]:
        return [
            (name, str(side))
            for name, sides in zip(self.names, self._unmatched, strict=True)
            for side in sides
        ]  # fmt: skip


def compare(
    results: BenchmarkResults,
    other: BenchmarkResults,
    *,
    names: tuple[str, str] = ("this", "other"),
    models: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare with another run, cell by cell: time and memory of this over those of the other.

    Cells are matched by model, task, batch size and sequence length; framework and versions may differ.

    Parameters
    ----------
    results
        What to compare; as a method, the results themselves: *this*.
    other
        What to compare with, such as an earlier run or `load_reference`.
    names
        What the two are called in tables and plots, as in ``("after", "before")``.
    models
        Names of models in this run with their names in the other, where they differ.  An organisation in front
        (``google-bert/bert-base-uncased``) and capitals need no mention.

    Returns
    -------
    Comparison
        With the cells that one side has alone listed.

    Raises
    ------
    ArgumentError
        If the two have no cell in common, a parameter cannot be used, or `other` has a cell more than once (by several
        runs that were added) and its framework does not tell which is meant.

    Notes
    -----
    The intervals of the ratios (`hfbench_nb.pairs.ratio_interval`) tell whether two times differ by more than the noise
    within each run.  What changes from one run to the next, such as the load of a shared machine, they cannot know.
    """
    from hfbench_nb.facade.benchmark_results import BenchmarkResults

    if not isinstance(other, BenchmarkResults):
        raise wrong_value("other", other, "results, as a benchmark, load_results, read_csv or load_reference give them")
    if isinstance(names, str) or len(names) != 2:
        raise wrong_value("names", names, "two names, as in ('after', 'before')")
    pairs, *alone = match_cells(results, other, models or {})
    return Comparison(pairs, (alone[0], alone[1]), (str(names[0]), str(names[1])))


def _frame_row(pair: Pair) -> dict[str, Any]:
    (this, this_s, this_mb), (other, other_s, other_mb) = (
        (side, *_figures(side.measurement)) for side in (pair.this, pair.other)
    )
    low, high = pair.time_interval
    return {
        "model": this.label,
        "other_model": other.label,
        "framework": this.cell.framework,
        "other_framework": other.cell.framework,
        "task": this.cell.task,
        "batch_size": this.cell.batch_size,
        "sequence_length": this.cell.sequence_length,
        "status": this.measurement.status,
        "other_status": other.measurement.status,
        "time_s": this_s,
        "other_time_s": other_s,
        "time_ratio": pair.time_ratio,
        "time_ratio_ci_low": low,
        "time_ratio_ci_high": high,
        "time_differs": pair.time_differs,
        "memory_mb": this_mb,
        "other_memory_mb": other_mb,
        "memory_ratio": pair.memory_ratio,
    }


def _figures(measurement: Measurement) -> tuple[float, float]:
    timing, memory = measurement.timing, measurement.memory
    return (
        math.nan if timing is None else timing.median_s,
        math.nan if memory is None else memory.peak_bytes / MEGABYTE,
    )


def _texts_of(pair: Pair) -> dict[str, str]:
    texts = {
        "model": pair.this.label,
        "other_model": pair.other.label,
        "task": pair.this.cell.task,
        "batch_size": "" if pair.this.cell.batch_size is None else str(pair.this.cell.batch_size),
        "sequence_length": "" if pair.this.cell.sequence_length is None else str(pair.this.cell.sequence_length),
        "verdict": {None: "", False: "within noise", True: "faster" if pair.time_ratio < 1 else "slower"}[
            pair.time_differs
        ],
        "time_ratio": format_ratio(pair.time_ratio),
        "memory_ratio": format_ratio(pair.memory_ratio),
    }
    for prefix, side in (("", pair.this), ("other_", pair.other)):
        time_s, memory_mb = _figures(side.measurement)
        absent = "N/A" if side.measurement.status == "ok" else side.measurement.status
        texts[f"{prefix}time"] = format_time(time_s) or absent
        texts[f"{prefix}memory"] = format_memory(memory_mb) or absent
    low, high = pair.time_interval
    texts["time_interval"] = "" if math.isnan(low) else f"[{format_ratio(low)}, {format_ratio(high)}]"
    return texts
