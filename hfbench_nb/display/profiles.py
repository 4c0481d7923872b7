"""Where the time of the cases of some results goes, as tables and plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.spending import by_group, call_s, scale_of
from hfbench_nb.display.case_profile import HOW_TO_OPEN, CaseProfile, format_percent
from hfbench_nb.display.markdown_tables import table_lines
from hfbench_nb.display.plots.profiles import plot_profiles
from hfbench_nb.display.text_tables import text_table
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.errors import ArgumentError, ProfileNotFoundError
from hfbench_nb.protocol.profile import GROUPS
from hfbench_nb.rendering.escaping import for_stdout, markdown_code, printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.units import format_time
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.results.selection import select

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup
    from matplotlib.axes import Axes

Key = str | int | Case | Mapping[str, Any]

# Cases that a message lists.
_LISTED = 4


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
                "task": view.row.case.task,
                **view.row.case.sizes_by_name,
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
        return [f"Traces: {', '.join(folders)}: {HOW_TO_OPEN}."] if folders else []

    def _failures(self) -> list[tuple[str, str]]:
        return [(str(row), why) for row in self._rows if (why := row.measurement.profile_failure)]
