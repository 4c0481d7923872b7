"""What changed between two cases, operator by operator: why one is slower than the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hfbench_nb.analysis.ratios import told_apart
from hfbench_nb.analysis.spending import (
    FASTER,
    GONE,
    NEW,
    SLOWER,
    Change,
    call_s,
    group_changes,
    operator_changes,
)
from hfbench_nb.arguments.sweep import describe_settings
from hfbench_nb.display.markdown_tables import table_lines
from hfbench_nb.display.profiles import Key, Profiles
from hfbench_nb.display.text_tables import text_table
from hfbench_nb.protocol.case import varying_axes
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.rendering.escaping import for_stdout, markdown_code, printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.units import format_number, format_time
from hfbench_nb.results.metrics import METRICS
from hfbench_nb.results.result_set import ResultSet, Row

if TYPE_CHECKING:
    import pandas as pd

# Operators that the table shows at most, and the share of all changes that one must have.
_SHOWN, _LEAST_SHARE = 10, 0.02
# Kinds of changes are named in the sentence from this share of all changes on, with so many operators of each.
_LEAST_TOLD, _NAMED = 0.1, 3
_MINUS = "\N{MINUS SIGN}"
# A share of the difference that is larger says only that the difference is small.
_LARGEST_SHARE = 10
_KINDS = {
    NEW: "in operators that {before} does not have",
    GONE: "of operators that {after} does not have",
    SLOWER: "in operators that take longer",
    FASTER: "in operators that take less",
}
_SCALED = "Times are shares of the traced call of each case, applied to the median of its untraced calls"
_TRACED = "Times are those of traced calls, since no others were timed"


class Explanation:
    """What changed between two cases.  A notebook shows tables; `print` prints them as text.

    Parameters
    ----------
    before, after
        The cases, which have profiles.
    """

    def __init__(self, before: Row, after: Row) -> None:
        self.before, self.after = before, after
        self._operators = operator_changes(before, after)
        self._groups = group_changes(before, after)
        self._names = _short_names(before, after)

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, one row per operator, the largest difference first.

        ``before_s`` and ``after_s`` per call, ``difference_s``, its ``share`` of the difference of the calls, the
        ``change`` (``new``, ``gone``, ``slower``, ``faster``), the ``group`` of modules where most of it is, and how
        often the operator runs.
        """
        return self._frame("operator", self._operators)

    @property
    def groups(self) -> pd.DataFrame:
        """A DataFrame with the same columns, one row per group of modules."""
        return self._frame("group", self._groups).drop(columns=["change"])

    def _frame(self, name: str, changes: Sequence[Change]) -> pd.DataFrame:
        import pandas as pd

        rows = [
            {
                name: each.name,
                **({"group": each.group} if name != "group" else {}),
                "change": each.kind,
                "before_s": each.before_s,
                "after_s": each.after_s,
                "difference_s": each.difference_s,
                "share": self._share(each),
                "calls_before": each.calls_before,
                "calls_after": each.calls_after,
            }
            for each in changes
        ]
        return pd.DataFrame(rows)

    @property
    def difference_s(self) -> float:
        """How much longer a call of the first case takes, seconds."""
        return call_s(self.after) - call_s(self.before)

    def _share(self, change: Change) -> float:
        return change.difference_s / self.difference_s if self.difference_s else math.nan

    def in_words(self) -> str:
        """Return in a sentence how much slower or faster, and by what."""
        after, before = self._names
        times = [call_s(self.after), call_s(self.before)]
        ratio = times[0] / times[1]
        how = f"is {format_number(max(ratio, 1 / ratio))} times {'slower' if ratio > 1 else 'faster'} than {before}"
        if self._is_timed() and not told_apart(self.after, self.before, METRICS["time_s"]):
            how += ", which may be chance"
        told = f"{after} {how} ({format_time(times[0])} instead of {format_time(times[1])})"
        parts = [*filter(None, map(self._told, _KINDS))]
        return f"{told}: {'; '.join(parts)}." if parts else f"{told}."

    def _is_timed(self) -> bool:
        return all(row.measurement.timing is not None for row in (self.before, self.after))

    def _told(self, kind: str) -> str:
        """Return what changes of a kind come to, and the operators with most of it; empty if that is little."""
        changes = [each for each in self._operators if each.kind == kind]
        total_s = math.fsum(each.difference_s for each in changes)
        if abs(total_s) < _LEAST_TOLD * self._all_changes_s():
            return ""
        names = [each.name for each in changes[:_NAMED] if abs(each.difference_s) >= _LEAST_TOLD * abs(total_s)]
        others = "" if len(changes) == len(names) else " and others"
        words = _KINDS[kind].format(after=self._names[0], before=self._names[1])
        return f"{_signed(total_s)} {words} ({', '.join(names)}{others})"

    def _all_changes_s(self) -> float:
        return math.fsum(abs(each.difference_s) for each in self._operators)

    def _rows(self, changes: Sequence[Change], *, with_kind: bool) -> list[list[str]]:
        limit = _LEAST_SHARE * math.fsum(abs(each.difference_s) for each in changes) if with_kind else 0.0
        shown = [each for each in changes[: _SHOWN if with_kind else None] if abs(each.difference_s) >= limit]
        rows = [self._row(each, with_kind=with_kind) for each in shown]
        others = [each for each in changes if each not in shown]
        if others:
            before_s, after_s = (math.fsum(getattr(each, name) for each in others) for name in ("before_s", "after_s"))
            rest = self._row(Change(f"{len(others)} others", "", before_s, after_s, 1, 1), with_kind=with_kind)
            rows.append(rest[:1] + [""] * (2 * with_kind) + rest[1 + 2 * with_kind :])
        return rows

    def _row(self, change: Change, *, with_kind: bool) -> list[str]:
        share = self._share(change)
        return [
            change.name,
            *([change.group, change.kind] if with_kind else []),
            format_time(change.before_s) if change.before_s else "",
            format_time(change.after_s) if change.after_s else "",
            _signed(change.difference_s),
            "" if math.isnan(share) or abs(share) > _LARGEST_SHARE else f"{round(100 * share)} %".replace("-", _MINUS),
        ]

    def _tables(self) -> list[tuple[list[str], list[list[str]], str]]:
        """Return the heads, the rows and the sides of both tables."""
        after, before = self._names
        numbers = [before, after, "Difference", "Share of it"]
        return [
            (["Operator", "Part", "Change", *numbers], self._rows(self._operators, with_kind=True), "<<<>>>>"),
            (["Part", *numbers], self._rows(self._groups, with_kind=False), "<>>>>"),
        ]

    def _note(self) -> str:
        return f"{_SCALED if self._is_timed() else _TRACED}. In a call of {self.after}, compared with {self.before}."

    def _repr_html_(self) -> str:
        return render("explanation.html.j2", title=self.in_words(), tables=self._tables(), note=self._note())

    def to_markdown(self) -> str:
        """Return the explanation as tables in GitHub's Markdown."""
        parts = [printable(self.in_words())]
        for heads, rows, sides in self._tables():
            marks = [":---" if side == "<" else "---:" for side in sides]
            cells = [[markdown_code(name), *rest] for name, *rest in rows]
            parts.append("\n".join(table_lines([*map(printable, heads)], marks, cells)))
        return for_stdout("\n\n".join([*parts, self._note()]))

    def __str__(self) -> str:
        lines = [printable(self.in_words())]
        for heads, rows, sides in self._tables():
            lines += ["", *text_table(heads, rows, sides)]
        return for_stdout("\n".join([*lines, "", printable(self._note())]))

    __repr__ = __str__


def explain(results: ResultSet, case: Key, other: Key) -> Explanation:
    """Tell what changed between two cases: operators that one does not have, and that take longer or less.

    Parameters
    ----------
    results
        The results; the results themselves when called as a method.
    case, other
        The cases, chosen as in ``results.profiles[...]``: the name of a model, a label, settings such as
        ``{"dtype": "bfloat16"}``, or a position.

    Returns
    -------
    Explanation
        Of `case`, compared with `other`.

    Raises
    ------
    ArgumentError
        If one of them selects no case with a profile (``profile=True``), or several.
    """
    profiles = Profiles(results)
    after, before = (profiles[key].row for key in (case, other))
    if after.case == before.case and after.label == before.label:
        raise ArgumentError(f"case={case!r} and other={other!r} select the same case: {after}.", "case", "other")
    return Explanation(before, after)


def _signed(difference_s: float) -> str:
    sign = "+" if difference_s >= 0 else _MINUS
    return f"{sign}{format_time(abs(difference_s))}"


def _short_names(before: Row, after: Row) -> tuple[str, str]:
    """Return what tells the cases from each other: model or settings, task and sizes, as far as they differ."""
    mine, others = _words(after), _words(before)
    if after.case.model == before.case.model:
        mine[0], others[0] = _own_settings(after, before), _own_settings(before, after)
    differing = [i for i in range(len(mine)) if mine[i] != others[i]]
    names = [", ".join(words[i] for i in differing if words[i]) for words in (mine, others)]
    return (names[0], names[1]) if all(names) else (str(after), str(before))


def _words(row: Row) -> list[str]:
    case = row.case
    return [row.label, case.task, f"batch size {case.batch_size}", f"length {case.sequence_length}"]


def _own_settings(row: Row, other: Row) -> str:
    """Return the words for the settings in which a row differs from another; its label if there are none."""
    differing = varying_axes([row.requested, other.requested])
    (words,) = describe_settings([row.requested], differing)
    return ", ".join(words) or row.label
