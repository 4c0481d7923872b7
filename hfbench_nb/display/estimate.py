"""What cases would need, estimated without running them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.budgets import CLOSE, NO, PROCESS_MB, SHARE_OUTSIDE, YES, Budget
from hfbench_nb.analysis.needs import PARTS, Needs
from hfbench_nb.display.markdown_tables import table_lines
from hfbench_nb.display.plots.needs import plot_needs
from hfbench_nb.display.text_tables import text_table
from hfbench_nb.protocol.case import varying_axes
from hfbench_nb.rendering.escaping import for_stdout, markdown_code, printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.keywords import refuse_unknown_keywords_of_methods
from hfbench_nb.rendering.units import format_count, format_memory
from hfbench_nb.results.result_set import ResultSet, Row

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# A part is a column of the table where a case has at least so much of it.
_SHOWN_MB = 0.5
_OUTSIDE = (
    "What the tensors take. The process, a GPU's context, workspaces of libraries, packed weights and gaps that an "
    "allocator leaves come on top"
)
_VERDICTS = {
    YES: "which fits {}",
    CLOSE: "and the process and libraries come on top of that: it may not fit {}",
    NO: "which is more than {}: it would run out of memory",
}
_ALLOWANCE = f": close where {100 * SHARE_OUTSIDE:g} % and {PROCESS_MB:g} MB for them would not fit"


@refuse_unknown_keywords_of_methods
class Estimate:
    """What each case would need, and whether it fits.  A notebook shows a table; `print` prints it as text.

    Parameters
    ----------
    results
        The cases, measured by what their tensors would take.
    budget
        The memory that they should fit into, or None.
    """

    def __init__(self, results: ResultSet, budget: Budget | None = None) -> None:
        self.budget = budget
        self.rows: tuple[tuple[Row, Needs | None], ...] = tuple(
            (row, Needs.of(row.measurement)) for row in results.rows
        )

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, one row per case: its identity, a column per axis that varies, and what it needs.

        ``parameters`` is their number; ``parameters_mb``, ``buffers_mb``, ``gradients_mb``, ``optimizer_mb``,
        ``kv_cache_mb`` and ``activations_mb`` add up to ``total_mb``, in MB of 2^20 bytes: what the tensors take when
        they take most.  ``fits`` (``yes``, ``close``, ``no``) is there with a budget.  A case that could not be
        estimated has a status and the reason in ``error``.
        """
        import pandas as pd

        return pd.DataFrame([self._frame_row(row, needs) for row, needs in self.rows]).astype({"parameters": "Int64"})

    def _frame_row(self, row: Row, needs: Needs | None) -> dict[str, Any]:
        case, failure = row.case, row.measurement.failure
        found: dict[str, Any] = {
            **case.shown,
            **{name: row.requested.get(name) for name in self._axes()},
            "status": row.measurement.status,
            "parameters": None if needs is None else needs.parameters,
            **(dict.fromkeys(PARTS, float("nan")) if needs is None else needs.parts_mb),
            "total_mb": float("nan") if needs is None else needs.total_mb,
        }
        if self.budget is not None:
            found |= {"budget_mb": self.budget.mb, "fits": None if needs is None else self._verdict(needs)}
        return {**found, "error": "" if failure is None else str(failure)}

    def _axes(self) -> list[str]:
        return varying_axes(row.requested for row, _ in self.rows)

    @property
    def too_large(self) -> list[Row]:
        """The rows whose tensors alone are larger than the budget."""
        return [row for row, needs in self.rows if needs is not None and self._verdict(needs) == NO]

    def _verdict(self, needs: Needs) -> str | None:
        return None if self.budget is None else self.budget.fits(needs.total_mb)

    def in_words(self) -> str:
        """Return in a sentence or two what the case that needs most needs, and whether that fits."""
        known = [(row, needs) for row, needs in self.rows if needs is not None]
        if not known:
            return "".join(f"No estimate: {reason}" for _, reason in self._failures()[:1])
        row, needs = max(known, key=lambda each: each[1].total_mb)
        told = f"{row} needs about {format_memory(needs.total_mb)} for its tensors by estimate"
        verdict = self._verdict(needs)
        if verdict is None:
            return f"{told}."
        others = len(self.too_large) - 1
        more = f" So do {others} more cases." if others > 1 else " So does one more case." if others == 1 else ""
        return f"{told}, {_VERDICTS[verdict].format(self.budget)}.{more}"

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Plot what each case needs as a stacked bar, and the budget as a line.

        Parameters
        ----------
        ax
            Axes to draw on; by default those of a new pyplot figure.

        Raises
        ------
        ArgumentError
            If no case could be estimated.
        """
        return plot_needs(self.rows, self.budget, ax=ax)

    def _repr_html_(self) -> str:
        heads, rows = self._texts()
        return render(
            "estimate.html.j2",
            title=self._title(),
            heads=heads,
            rows=rows,
            note=self._note(),
            failures=self._failures(),
        )

    def to_markdown(self) -> str:
        """Return the estimate as a table in GitHub's Markdown."""
        heads, rows = self._texts()
        cells = [[markdown_code(label), *rest] for label, *rest in rows]
        marks = [":---", ":---", *["---:"] * (len(heads) - 2)]
        parts = [f"**{self._title()}**", "\n".join(table_lines(heads, marks, cells)), self._note()]
        if failures := self._failures():
            parts.append("\n".join(f"- {markdown_code(case)}: {markdown_code(reason)}" for case, reason in failures))
        return for_stdout("\n\n".join(parts))

    def __str__(self) -> str:
        heads, rows = self._texts()
        lines = text_table(heads, rows, "<<" + ">" * (len(heads) - 2))
        failures = [f"{printable(case)}: {printable(reason)}" for case, reason in self._failures()]
        return for_stdout("\n".join([self._title(), *lines, *failures, self._note()]))

    __repr__ = __str__

    def _title(self) -> str:
        return "Estimated memory" + ("" if self.budget is None else f"; fits {self.budget}?")

    def _note(self) -> str:
        return f"{_OUTSIDE}{'' if self.budget is None else _ALLOWANCE}."

    def _texts(self) -> tuple[list[str], list[list[str]]]:
        """Return the heads of the columns, and the cells of the cases that were estimated; without empty columns."""
        known = [(row, needs) for row, needs in self.rows if needs is not None]
        parts = [name for name in PARTS if any(needs.parts_mb[name] >= _SHOWN_MB for _, needs in known)]
        heads = ["Model", "Task", "Batch size", "Length", "Parameters", *(PARTS[name] for name in parts), "Total"]
        rows = []
        for row, needs in known:
            sizes = [str(row.case.batch_size), str(row.case.sequence_length)]
            count = "" if needs.parameters is None else format_count(needs.parameters)
            amounts = [format_memory(needs.parts_mb[name]) for name in parts]
            rows.append([row.label, row.case.task, *sizes, count, *amounts, format_memory(needs.total_mb)])
            if (verdict := self._verdict(needs)) is not None:
                rows[-1].append(verdict)
        return heads + ["Fits"] * (self.budget is not None), rows

    def _failures(self) -> list[tuple[str, str]]:
        """Return each case that could not be estimated, and why."""
        return [(str(row), str(row.measurement.failure)) for row, needs in self.rows if needs is None]
