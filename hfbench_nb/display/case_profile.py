"""Where the time of one case goes, as tables and plot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hfbench_nb.analysis.spending import Total, by_group, by_operator
from hfbench_nb.display.markdown_tables import table_lines
from hfbench_nb.display.plots.profiles import plot_profiles
from hfbench_nb.display.text_tables import text_table
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.profile import GROUPS, PYTHON, WAITING, Profile
from hfbench_nb.rendering.escaping import for_stdout, markdown_code, printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.units import format_time
from hfbench_nb.results.result_set import ResultSet, Row

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

HOW_TO_OPEN = "open a file, as it is, at https://ui.perfetto.dev or chrome://tracing"

# Operators that a table shows before the others are folded, or left out.
_SHOWN = 12
# Memory of which less is not shown.
_LEAST_BYTES = MEGABYTE // 20
_OF_ITS_OWN = "Time is each operator's own, so that shares add up to the traced call"
_MEANINGS = {PYTHON: "between operators, in the code that calls them", WAITING: "the device waits for the host"}


class CaseProfile:
    """Where the time of one case goes.  A notebook shows tables; `print` prints them as text.

    Parameters
    ----------
    results
        Results of this case alone.
    row
        The case.
    profile
        Its profile.

    Attributes
    ----------
    row, profile
        The case, and what was found.
    """

    def __init__(self, results: ResultSet, row: Row, profile: Profile) -> None:
        self.row, self.profile = row, profile
        self._results = results

    @property
    def operators(self) -> pd.DataFrame:
        """A DataFrame, one row per operator, the most time first: ``calls``, ``time_s``, ``share``, ``memory_mb``.

        ``time_s`` is the operator's own time in the traced call; ``memory_mb`` what it allocated itself, less what it
        released.  ``(Python)`` is the time between operators.
        """
        return self._frame("operator", by_operator(self.profile))

    @property
    def modules(self) -> pd.DataFrame:
        """A DataFrame, one row per group of modules, with the same columns, and the classes in it as ``modules``."""
        frame = self._frame("group", by_group(self.profile))
        return frame.assign(modules=[", ".join(self.profile.modules.get(name, ())) for name in frame["group"]])

    def _frame(self, name: str, totals: list[Total]) -> pd.DataFrame:
        import pandas as pd

        rows = [
            (each.name, each.calls, each.self_s, self._share(each), each.memory_bytes / MEGABYTE) for each in totals
        ]
        return pd.DataFrame(rows, columns=[name, "calls", "time_s", "share", "memory_mb"])

    def _share(self, total: Total) -> float:
        return total.self_s / self.profile.traced_s if self.profile.traced_s else float("nan")

    @property
    def trace(self) -> Path | None:
        """The file with all events, for https://ui.perfetto.dev or chrome://tracing; None where there is none."""
        return Path(self.profile.trace) if self.profile.trace else None

    def plot(self, *, absolute: bool = False, ax: Axes | None = None) -> Axes:
        """Plot the groups of modules as a stacked bar; see `BenchmarkResults.plot_profiles`."""
        return plot_profiles(self._results, absolute=absolute, ax=ax)

    def _title(self) -> str:
        call = f"{format_time(self.profile.traced_s)} traced"
        timed = self.row.measurement.timing
        untraced = "" if timed is None else f", {format_time(timed.median_s)} untraced"
        return f"Where the time goes: {self.row} ({call}{untraced})"

    def _rows(self, totals: list[Total]) -> list[list[str]]:
        return [
            [
                each.name,
                f"{each.calls:,}" if each.calls else "",
                format_time(each.self_s),
                format_percent(self._share(each)),
                f"{each.memory_bytes / MEGABYTE:,.1f} MB" if abs(each.memory_bytes) >= _LEAST_BYTES else "",
            ]
            for each in totals
        ]

    def _groups(self) -> tuple[list[str], list[list[str]]]:
        totals = by_group(self.profile)
        classes = [", ".join(self.profile.modules.get(each.name, ())) for each in totals]
        rows = [[*row, text] for row, text in zip(self._rows(totals), classes, strict=True)]
        return ["Part", "Calls", "Time", "Share", "Allocated", "Modules"], rows

    def _notes(self) -> list[str]:
        trace = f"Trace: {self.profile.trace}: {HOW_TO_OPEN}" if self.trace is not None else ""
        return [f"{note}." for note in (self.profile.note, _OF_ITS_OWN, trace) if note]

    def _repr_html_(self) -> str:
        heads, rows = self._groups()
        operators = self._rows(by_operator(self.profile))
        return render(
            "profile.html.j2",
            title=self._title(),
            heads=heads,
            rows=rows,
            meanings={**GROUPS, **_MEANINGS},
            operator_heads=["Operator", *heads[1:-1]],
            operators=operators,
            shown=_SHOWN,
            notes=self._notes(),
        )

    def to_markdown(self) -> str:
        """Return the groups and the operators that take most as tables in GitHub's Markdown."""
        heads, rows = self._groups()
        operators = self._rows(by_operator(self.profile))[:_SHOWN]
        tables = [
            table_lines(heads, [":---", *["---:"] * 4, ":---"], [[*row[:-1], markdown_code(row[-1])] for row in rows]),
            table_lines(
                ["Operator", *heads[1:-1]],
                [":---", *["---:"] * 4],
                [[markdown_code(n), *rest] for n, *rest in operators],
            ),
        ]
        notes = [*map(markdown_code, self._notes())]
        return for_stdout("\n\n".join([f"**{printable(self._title())}**", *("\n".join(t) for t in tables), *notes]))

    def __str__(self) -> str:
        heads, rows = self._groups()
        operators = self._rows(by_operator(self.profile))
        tables = [
            *text_table(heads, rows, "<>>>><"),
            "",
            *text_table(["Operator", *heads[1:-1]], operators[:_SHOWN], "<>>>>"),
        ]
        left_out = [f"and {len(operators) - _SHOWN} other operators"] if len(operators) > _SHOWN else []
        return for_stdout("\n".join([printable(self._title()), *tables, *left_out, *map(printable, self._notes())]))

    __repr__ = __str__


def format_percent(share: float) -> str:
    """Return a share in percent, as in ``34 %`` and ``0.4 %``."""
    percent = 100 * share
    return "" if percent != percent else f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.1f} %"
