"""Where the time of cases goes, as tables and plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.spending import Total, by_group, by_operator, call_s, scale_of
from hfbench_nb.display.markdown_tables import table_lines
from hfbench_nb.display.plots.profiles import plot_profiles
from hfbench_nb.display.text_tables import text_table
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.errors import ArgumentError, ProfileNotFoundError
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.profile import GROUPS, PYTHON, WAITING, Profile
from hfbench_nb.rendering.escaping import for_stdout, markdown_code, printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.units import format_time
from hfbench_nb.results.result_set import ResultSet, Row
from hfbench_nb.results.selection import select

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup
    from matplotlib.axes import Axes

Key = str | int | Case | Mapping[str, Any]

# Operators that a table shows before the others are folded, or left out.
_SHOWN = 12
# Memory of which less is not shown.
_LEAST_BYTES = MEGABYTE // 20
# Cases that a message lists.
_LISTED = 4
_HOW_TO_OPEN = "open a file, as it is, at https://ui.perfetto.dev or chrome://tracing"
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
        trace = f"Trace: {self.profile.trace}: {_HOW_TO_OPEN}" if self.trace is not None else ""
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


class Profiles:
    """The profiles of some results, chosen as the results are.  A notebook shows a table of all.

    Parameters
    ----------
    results
        The results.
    """

    def __init__(self, results: ResultSet) -> None:
        self._results = results
        self._rows = [*results.rows]
        self._profiled = [i for i, row in enumerate(self._rows) if row.measurement.profile is not None]

    def __len__(self) -> int:
        """Return the number of cases with a profile."""
        return len(self._profiled)

    def __iter__(self) -> Iterator[CaseProfile]:
        """Return the profiles in the order of the cases."""
        return (self._view(i) for i in self._profiled)

    def __getitem__(self, key: Key) -> CaseProfile:
        """Return the profile of one case.

        Parameters
        ----------
        key
            What selects one case: a position among the profiles, a `Case`, or as in ``results[...]``: the name of a
            model, a label, or settings, as in ``{"dtype": "float32"}``.

        Raises
        ------
        ProfileNotFoundError
            If no profile, or several, belong to that; it is a `KeyError`.
        """
        if not self._profiled:
            raise ProfileNotFoundError(f"There are no profiles{self._why(range(len(self._rows)))}.")
        if isinstance(key, int) and not isinstance(key, bool):
            if not -len(self) <= key < len(self):
                raise ProfileNotFoundError(f"key={key} cannot be used: there are {len(self)} profiles, from 0.")
            return self._view(self._profiled[key])
        found = self._find(key)
        profiled = [i for i in found if i in self._profiled]
        if not profiled:
            raise ProfileNotFoundError(f"key={key!r}: {self._rows[found[0]]} has no profile{self._why(found)}.")
        if len(profiled) > 1:
            listed = "; ".join(f"{self._profiled.index(i)}: {self._rows[i]}" for i in profiled[:_LISTED])
            length = self._rows[profiled[0]].case.sequence_length
            raise ProfileNotFoundError(
                f"key={key!r} selects {len(profiled)} cases: give further settings, such as {{'sequence_length': "
                f"{length}}}, or a position: {listed}{' ...' if len(profiled) > _LISTED else '.'}"
            )
        return self._view(profiled[0])

    def _find(self, key: Any) -> list[int]:
        if isinstance(key, Case):
            found = [i for i, row in enumerate(self._rows) if row.case == key]
            if not found:
                raise ProfileNotFoundError(f"There is no case {key} in these results.")
            return found
        try:
            return select(self._results, key)
        except ArgumentError as error:
            raise ProfileNotFoundError(str(error)) from None

    def _why(self, rows: Any) -> str:
        """Return why there is no profile, as the end of a sentence."""
        failures = [self._rows[i].measurement.profile_failure for i in rows]
        told = next(filter(None, failures), "")
        return f": {told}" if told else ": they are taken where profile=True is given (PyTorch)"

    def _view(self, i: int) -> CaseProfile:
        row = self._rows[i]
        assert row.measurement.profile is not None
        alone = ResultSet([self._results.entries[i]], row.environment, self._results.arguments)
        return CaseProfile(alone, row, row.measurement.profile)

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, one row per case and group of modules: ``time_s`` is its share of an untraced call."""
        import pandas as pd

        rows = [
            {
                "label": view.row.label,
                **{name: getattr(view.row.case, name) for name in ("task", "batch_size", "sequence_length")},
                "group": total.name,
                "time_s": total.self_s * scale_of(view.row),
                "share": total.self_s / view.profile.traced_s,
            }
            for view in self
            for total in by_group(view.profile)
        ]
        return pd.DataFrame(rows)

    def plot(self, *, absolute: bool = False, ax: Axes | None = None) -> Axes:
        """Plot one stacked bar per case; see `BenchmarkResults.plot_profiles`."""
        return plot_profiles(self._results, absolute=absolute, ax=ax)

    def _texts(self) -> tuple[list[str], list[list[str]]]:
        shares = [
            {total.name: total.self_s / view.profile.traced_s for total in by_group(view.profile)} for view in self
        ]
        groups = [name for name in GROUPS if any(name in of_one for of_one in shares)]
        rows = [
            [
                str(view.row),
                format_time(call_s(view.row)),
                *(format_percent(of_one[name]) if name in of_one else "" for name in groups),
            ]
            for view, of_one in zip(self, shares, strict=True)
        ]
        return ["Case", "Call", *(name.capitalize() for name in groups)], rows

    def _repr_html_(self) -> str:
        heads, rows = self._texts()
        return render(
            "profiles.html.j2", heads=heads, rows=rows, meanings=GROUPS, notes=self._notes(), failures=self._failures()
        )

    def folded(self) -> Markup:
        """Return the table for the page of the results, below a heading of its own; empty if nothing was profiled."""
        from markupsafe import Markup

        has_any = self._profiled or self._failures()
        return Markup(self._repr_html_() if has_any else "")  # noqa: S704 - made from an escaping template

    def to_markdown(self) -> str:
        """Return the shares as a table in GitHub's Markdown."""
        heads, rows = self._texts()
        cells = [[markdown_code(label), *rest] for label, *rest in rows]
        marks = [":---", *["---:"] * (len(heads) - 1)]
        notes = [text for note in self._notes() for text in ("", markdown_code(note))]
        return for_stdout("\n".join(["**Where the time goes**", "", *table_lines(heads, marks, cells), *notes]))

    def __str__(self) -> str:
        heads, rows = self._texts()
        failures = [*self._notes(), *(f"{case}: no profile: {why}" for case, why in self._failures())]
        table = text_table(heads, rows, "<" + ">" * (len(heads) - 1)) if rows else []
        return for_stdout("\n".join([*table, *map(printable, failures)] or ["There are no profiles"]))

    __repr__ = __str__

    def _notes(self) -> list[str]:
        """Tell where the traces are."""
        folders = dict.fromkeys(str(view.trace.parent) for view in self if view.trace is not None)
        return [f"Traces: {', '.join(folders)}: {_HOW_TO_OPEN}."] if folders else []

    def _failures(self) -> list[tuple[str, str]]:
        return [(str(row), why) for row in self._rows if (why := row.measurement.profile_failure)]


def format_percent(share: float) -> str:
    """Return a share in percent, as in ``34 %`` and ``0.4 %``."""
    percent = 100 * share
    return "" if percent != percent else f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.1f} %"
