"""Cases side by side: those of two runs, or of one run and their partners in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.overall import Overall, overall_ratio
from hfbench_nb.analysis.ratios import Pair
from hfbench_nb.arguments import checks
from hfbench_nb.display.comparison_parts import frame_row, pair_texts, ratio_texts
from hfbench_nb.display.markdown_tables import table_lines
from hfbench_nb.display.plots.ratios import plot_ratios
from hfbench_nb.protocol.case import IDENTITY, SHOWN, varying_axes
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.rendering.escaping import for_stdout, markdown_code, printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.keywords import refuse_unknown_keywords_of_methods
from hfbench_nb.rendering.suggestions import no_such
from hfbench_nb.results.metrics import METRICS, Metric, headlines
from hfbench_nb.results.result_set import Row

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@refuse_unknown_keywords_of_methods
class Comparison:
    """Cases that are compared in pairs.  A notebook shows a table; `print` prints it as text.

    Ratios are *this / other*: below 1, this is faster or needs less memory.

    Parameters
    ----------
    pairs
        The compared cases.
    unmatched
        The cases that only this side has, and those that only the other has.
    names
        Names of the two sides.
    notes
        What a reader of the ratios should know, a sentence each.
    metric_names
        Names of the compared metrics; by default time, memory, and others that one side has.
    """

    def __init__(
        self,
        pairs: Iterable[Pair],
        unmatched: tuple[Sequence[Row], Sequence[Row]],
        names: tuple[str, str],
        notes: Sequence[str] = (),
        metric_names: Sequence[str] | None = None,
    ) -> None:
        self.pairs = tuple(pairs)
        self.names = names
        self.notes = tuple(notes)
        self._unmatched = unmatched
        self._metric_names = metric_names

    @property
    def metrics(self) -> list[Metric]:
        """The compared metrics: time, memory, and others that one side has."""
        if self._metric_names is not None:
            return [METRICS[name] for name in self._metric_names]
        return [
            metric
            for metric in headlines()
            if (metric.group and not metric.task)
            or any(value == value for pair in self.pairs for value in pair.values(metric))
        ]

    def of_metrics(self, names: Sequence[str] | None = None) -> Comparison:
        """Return the same comparison of these metrics only; by default of all that both sides have.

        Raises
        ------
        ArgumentError
            If one of them does not exist, or was not measured by both.
        """
        known = [metric.name for metric in METRICS if any(self.has_both(pair, metric) for pair in self.pairs)]
        chosen = [metric.name for metric in self.metrics if metric.name in known] if names is None else [*names]
        if not chosen or set(chosen) - set(known):
            raise wrong_value("metric", chosen, f"of what both runs have: {', '.join(known) or 'nothing'}")
        return Comparison(self.pairs, self._unmatched, self.names, self.notes, chosen)

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, one row per case: both values of each metric, their ratio (this / other) and its interval.

        ``time_differs`` is missing if the samples of one side are unknown.
        """
        import pandas as pd

        axes = self._axes()
        frame = pd.DataFrame([frame_row(pair, self.metrics, axes) for pair in self.pairs])
        return frame.astype({f"{metric.stem}_differs": "boolean" for metric in self.metrics})

    @property
    def overall(self) -> pd.DataFrame:
        """A DataFrame, one row per metric: the geometric mean of the ratios of all cases, and its 95 % interval.

        With the number of ``cases`` that have a ratio.  Of two runs with at least two cases in common; see
        `hfbench_nb.analysis.overall.overall_ratio` for how the interval is computed.
        """
        import pandas as pd

        rows = [
            (metric.name, each.cases, *each.ratio, each.ratio.excludes_one) for metric, each in self._overall().items()
        ]
        names = ["metric", "cases", "ratio", "ratio_ci_low", "ratio_ci_high", "differs"]
        return pd.DataFrame(rows, columns=names).astype({"differs": "boolean"})

    def _overall(self) -> dict[Metric, Overall]:
        if any(pair.is_of_one_run for pair in self.pairs):  # of several models or settings, with one of them
            return {}
        found = {metric: overall_ratio(self.pairs, metric) for metric in self.metrics}
        return {metric: each for metric, each in found.items() if each is not None}

    def _overall_texts(self) -> tuple[str, list[dict[str, str]]]:
        """Return the heading of the last row, empty if there is none, and the texts of each metric."""
        found = self._overall()
        counts = sorted({each.cases for each in found.values()})
        texts = [ratio_texts(found[metric].ratio, metric) if metric in found else {} for metric in self.metrics]
        return f"Geometric mean of {' or '.join(map(str, counts))} cases" if counts else "", texts

    def worse(self, percent: float, *, undecided: bool = False) -> pd.DataFrame:
        """List what is worse by more than a number of percent: slower, or in need of more memory.

        Only where the whole 95 % interval of a ratio says so: noise alone is not listed.

        Parameters
        ----------
        percent
            The least difference that counts.
        undecided
            List instead what may be worse by more than that or not: its interval contains both.

        Returns
        -------
        pandas.DataFrame
            One row per case and metric: ``model``, ``task``, ``batch_size``, ``sequence_length``, ``metric``, ``ratio``
            and its interval ``low`` to ``high``.  Empty if there is none.

        Raises
        ------
        ArgumentError
            If `percent` is not a number of at least 0.
        """
        import pandas as pd

        wanted, share = None if undecided else True, checks.share_of_percent("percent", percent)
        rows = [
            (pair.this.label, *pair.this.case.task_and_sizes, metric.name, *pair.estimate(metric))
            for pair in self.pairs
            for metric in self.metrics
            if self.has_both(pair, metric) and pair.worse_by_more_than(metric, share) is wanted
        ]
        return pd.DataFrame(rows, columns=[*SHOWN, "metric", "ratio", "low", "high"])

    @staticmethod
    def has_both(pair: Pair, metric: Metric) -> bool:
        """Return whether both sides of a pair have a metric."""
        return all(value == value for value in pair.values(metric))

    def _axes(self) -> list[str]:
        """Return the names of the axes in which the rows of one side, or the two sides, differ."""
        return varying_axes(row.requested for pair in self.pairs for row in (pair.this, pair.other))

    @property
    def unmatched(self) -> pd.DataFrame:
        """A DataFrame, one row per case that only one side has; ``side`` says which."""
        import pandas as pd

        rows = [
            {"side": name, **row.case.identity, "model": row.label}
            for name, rows in zip(self.names, self._unmatched, strict=True)
            for row in rows
        ]
        return pd.DataFrame(rows, columns=["side", *IDENTITY])

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
            raise no_such("values", values, names)
        (metric,) = (metric for metric in self.metrics if metric.name == values)
        return plot_ratios(self.frame, metric, self.names, log=log, ax=ax)

    def _repr_html_(self) -> str:
        return render(
            "comparison.html.j2",
            names=self.names,
            metrics=self.metrics,
            rows=self.texts(),
            overall=self._overall_texts(),
            notes=list(map(printable, self.notes)),
            alone=self.alone(),
            markdown=self._markdown(),
        )

    def to_html(self) -> str:
        """Return the comparison as HTML without scripts or style sheets, as a notebook shows it."""
        return self._repr_html_()

    def to_markdown(self) -> str:
        """Return the comparison as a table in GitHub's Markdown, to be pasted into an issue or posted by a workflow.

        Names and facts are in code spans, so that nothing in them becomes markup, a link or a mention.
        """
        return for_stdout(self._markdown())

    def _markdown(self) -> str:
        this, other = map(markdown_code, self.names)
        heads = ["Model", "Task", "Batch size", "Length"]
        for metric in self.metrics:
            heads += [f"{metric.title}, {this}", other, "Ratio", "95 % interval", ""]
        rows = []
        for row in self.texts():
            cells = [markdown_code(row["model"]), row["task"], row["batch_size"], row["sequence_length"]]
            for text in row["metrics"]:
                cells += [text["this"], text["other"], text["ratio"], text["interval"], text["verdict"]]
            rows.append(cells)
        heading, texts = self._overall_texts()
        if heading:
            of_metrics = [
                ["", "", text.get("ratio", ""), text.get("interval", ""), text.get("verdict", "")] for text in texts
            ]
            rows.append([f"**{heading}**", "", "", "", *itertools.chain(*of_metrics)])
        marks = [":---", ":---", "---:", "---:", *["---:", "---:", "---:", "---:", ":---"] * len(self.metrics)]
        parts = [f"**{this} / {other}**: below 1, {this} is faster or needs less memory"]
        if self.notes:
            parts.append("\n".join(f"- {markdown_code(note)}" for note in self.notes))
        parts.append("\n".join(table_lines(heads, marks, rows)))
        if alone := self.alone():
            parts.append("\n".join(f"- only in {markdown_code(name)}: {markdown_code(case)}" for name, case in alone))
        return "\n\n".join(parts)

    def __str__(self) -> str:
        this, other = self.names
        lines = [f"{this} / {other} (below 1: {this} is faster, or needs less memory)", *map(printable, self.notes)]
        for pair in self.pairs:
            parts = []
            for metric, text in zip(self.metrics, self._texts_of(pair)["metrics"], strict=True):
                values = f"{metric.stem} {text['this']} / {text['other']} = {text['ratio']}".rstrip(" =")
                parts.append(f"{values} {text['interval']} {text['verdict']}".rstrip())
            lines.append(f"{printable(str(pair.this))}: {'; '.join(parts)}")
        heading, texts = self._overall_texts()
        if heading:
            named = zip(self.metrics, texts, strict=True)
            parts = [f"{m.stem} {t['ratio']} {t['interval']} {t['verdict']}".rstrip() for m, t in named if t]
            lines.append(f"{heading}: {'; '.join(parts)}")
        lines += [f"Only in {name}: {printable(case)}" for name, case in self.alone()]
        return for_stdout("\n".join(lines))

    __repr__ = __str__

    def texts(self) -> list[dict[str, Any]]:
        """Return each pair as texts: the case, and for each metric both values, ratio, interval and verdict."""
        return [self._texts_of(pair) for pair in self.pairs]

    def alone(self) -> list[tuple[str, str]]:
        """Return each case that only one side has, with the name of the side."""
        return [(name, str(row)) for name, rows in zip(self.names, self._unmatched, strict=True) for row in rows]

    def _texts_of(self, pair: Pair) -> dict[str, Any]:
        case = pair.this.case
        return {
            "model": pair.this.label,
            "other_model": pair.other.label,
            "task": case.task,
            **{name: "" if size is None else str(size) for name, size in case.sizes_by_name.items()},
            "metrics": [pair_texts(pair, metric) for metric in self.metrics],
        }
