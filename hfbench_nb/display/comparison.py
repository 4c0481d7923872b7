"""Two runs side by side, case by case: before and after, two frameworks, this machine and a published one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.pairs import Pair, match_cases
from hfbench_nb.display.plots.ratios import plot_ratios
from hfbench_nb.protocol.case import varying_axes
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.rendering.escaping import for_stdout, printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.units import format_ratio
from hfbench_nb.results.metrics import Metric, headlines
from hfbench_nb.results.result_set import ResultSet, Row

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Comparison:
    """The cases that two runs have in common.  A notebook shows a table; `print` prints it as text.

    Ratios are *this / other*: below 1, this is faster or needs less memory.

    Parameters
    ----------
    pairs
        The cases that both runs have.
    unmatched
        The cases that only this run has, and those that only the other has.
    names
        Names of the two runs.
    """

    def __init__(
        self, pairs: Iterable[Pair], unmatched: tuple[Sequence[Row], Sequence[Row]], names: tuple[str, str]
    ) -> None:
        self.pairs = tuple(pairs)
        self.names = names
        self._unmatched = unmatched

    @property
    def metrics(self) -> list[Metric]:
        """The compared metrics: time, memory, and others that one side has."""
        return [
            metric
            for metric in headlines()
            if (metric.group and not metric.task)
            or any(value == value for pair in self.pairs for value in pair.values(metric))
        ]

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, one row per case: both values of each metric, their ratio (this / other) and its interval.

        ``time_differs`` is missing if the samples of one side are unknown.  Memory is a single reading per case, so its
        ratio has no interval.
        """
        import pandas as pd

        axes = self._axes()
        frame = pd.DataFrame([self._frame_row(pair, axes) for pair in self.pairs])
        flags = [f"{metric.stem}_differs" for metric in self.metrics if metric.interval is not None]
        return frame.astype(dict.fromkeys(flags, "boolean"))

    def _axes(self) -> list[str]:
        """Return the names of the axes in which the rows of one side, or the two sides, differ."""
        return varying_axes(row.requested for pair in self.pairs for row in (pair.this, pair.other))

    def _frame_row(self, pair: Pair, axes: Iterable[str]) -> dict[str, Any]:
        this, other = pair.this, pair.other
        row: dict[str, Any] = {
            "model": this.label,
            "other_model": other.label,
            "framework": this.case.framework,
            "other_framework": other.case.framework,
            "task": this.case.task,
            "batch_size": this.case.batch_size,
            "sequence_length": this.case.sequence_length,
        }
        for name in axes:
            row |= {name: this.requested.get(name), f"other_{name}": other.requested.get(name)}
        row |= {"status": this.measurement.status, "other_status": other.measurement.status}
        for metric in self.metrics:
            row[metric.name], row[f"other_{metric.name}"] = pair.values(metric)
            row[f"{metric.stem}_ratio"] = pair.ratio(metric)
            if metric.interval is not None:
                low, high = pair.interval(metric)
                row |= {f"{metric.stem}_ratio_ci_low": low, f"{metric.stem}_ratio_ci_high": high}
                row[f"{metric.stem}_differs"] = pair.differs(metric)
        return row

    @property
    def unmatched(self) -> pd.DataFrame:
        """A DataFrame, one row per case that only one side has; ``side`` says which."""
        import pandas as pd

        rows = [
            (name, row.case.framework, row.label, row.case.task, row.case.batch_size, row.case.sequence_length)
            for name, rows in zip(self.names, self._unmatched, strict=True)
            for row in rows
        ]
        return pd.DataFrame(rows, columns=["side", "framework", "model", "task", "batch_size", "sequence_length"])

    def plot(self, values: str = "time_s", *, log: bool = True, ax: Axes | None = None) -> Axes:
        """Plot the ratios against sequence length, with their 95 % intervals, as bars where there is one length.

        Parameters
        ----------
        values
            ``time_s``, ``memory_mb`` or another metric that is compared.
        log
            Logarithmic axes.
        ax
            Axes to draw on; by default those of a new pyplot figure.

        Raises
        ------
        ArgumentError
            If `values` is not such a metric, or no case has sizes.
        """
        names = [metric.name for metric in self.metrics]
        if values not in names:
            raise wrong_value("values", values, " or ".join(map(repr, names)))
        (metric,) = (metric for metric in self.metrics if metric.name == values)
        return plot_ratios(self.frame, metric, self.names, log=log, ax=ax)

    def _repr_html_(self) -> str:
        rows = [self._texts_of(pair) for pair in self.pairs]
        return render("comparison.html.j2", names=self.names, metrics=self.metrics, rows=rows, alone=self._alone())

    def __str__(self) -> str:
        this, other = self.names
        lines = [f"{this} / {other} (below 1: {this} is faster, or needs less memory)"]
        for pair in self.pairs:
            parts = []
            for metric, text in zip(self.metrics, self._texts_of(pair)["metrics"], strict=True):
                values = f"{metric.stem} {text['this']} / {text['other']} = {text['ratio']}".rstrip(" =")
                parts.append(f"{values} {text['interval']} {text['verdict']}".rstrip())
            lines.append(f"{printable(str(pair.this))}: {'; '.join(parts)}")
        lines += [f"Only in {name}: {printable(case)}" for name, case in self._alone()]
        return for_stdout("\n".join(lines))

    __repr__ = __str__

    def _alone(self) -> list[tuple[str, str]]:
        return [(name, str(row)) for name, rows in zip(self.names, self._unmatched, strict=True) for row in rows]

    def _texts_of(self, pair: Pair) -> dict[str, Any]:
        case = pair.this.case
        return {
            "model": pair.this.label,
            "other_model": pair.other.label,
            "task": case.task,
            "batch_size": "" if case.batch_size is None else str(case.batch_size),
            "sequence_length": "" if case.sequence_length is None else str(case.sequence_length),
            "metrics": [_metric_texts(pair, metric) for metric in self.metrics],
        }


def _metric_texts(pair: Pair, metric: Metric) -> dict[str, str]:
    low, high = pair.interval(metric)
    absent = ["N/A" if row.measurement.succeeded else row.measurement.status for row in (pair.this, pair.other)]
    this, other = (metric.text(value) or text for value, text in zip(pair.values(metric), absent, strict=True))
    return {
        "this": this,
        "other": other,
        "ratio": format_ratio(pair.ratio(metric)),
        "interval": "" if math.isnan(low) else f"[{format_ratio(low)}, {format_ratio(high)}]",
        "verdict": _verdict(pair, metric),
    }


def _verdict(pair: Pair, metric: Metric) -> str:
    differs = pair.differs(metric)
    if differs is None:
        return ""
    if not differs:
        return "within noise"
    is_lower = pair.ratio(metric) < 1
    if metric.unit == "s":
        return "faster" if is_lower else "slower"
    return "better" if is_lower != metric.higher_is_better else "worse"


def compare(
    results: ResultSet,
    other: ResultSet,
    *,
    names: tuple[str, str] = ("this", "other"),
    models: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare with another run, case by case: time and memory of this divided by those of the other.

    Cases are matched by model, task, batch size, sequence length and the axes that vary within one of the two;
    framework, versions and axes with one value in each may differ.

    Parameters
    ----------
    results
        What to compare, called *this*; the results themselves when called as a method.
    other
        What to compare with, such as an earlier run or `load_reference`.
    names
        Names of the two runs in tables and plots, as in ``("after", "before")``.
    models
        Names of models in this run with their names in the other, where they differ.  A prefixed organisation
        (``google-bert/bert-base-uncased``) and letter case are ignored.

    Returns
    -------
    Comparison
        It also lists the cases that only one side has.

    Raises
    ------
    ArgumentError
        If the two have no case in common, a parameter cannot be used, or `other` has a case more than once (because
        several runs were added) and its framework does not show which is meant.

    Notes
    -----
    The intervals of the ratios (`hfbench_nb.analysis.pairs.ratio_interval`) show whether two times differ by more than
    the noise within each run.  They do not cover what changes from one run to the next, such as the load of a shared
    machine.
    """
    if not isinstance(other, ResultSet):
        raise wrong_value("other", other, "results, as a benchmark, load_results, read_csv or load_reference give them")
    if isinstance(names, str) or len(names) != 2:
        raise wrong_value("names", names, "two names, as in ('after', 'before')")
    pairs, *alone = match_cases(results, other, models or {})
    return Comparison(pairs, (alone[0], alone[1]), (str(names[0]), str(names[1])))
