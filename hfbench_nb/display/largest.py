"""The largest sizes that fit, as table and plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hfbench_nb.analysis.largest import Found, Hunt, found_in, needed_mb
from hfbench_nb.display.markdown_tables import table_lines
from hfbench_nb.display.plots.probes import plot_probes
from hfbench_nb.display.plots.style import SHORT_SIZES
from hfbench_nb.protocol.case import varying_axes
from hfbench_nb.rendering.escaping import for_stdout, markdown_code, printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.units import counted, format_memory
from hfbench_nb.results.result_set import ResultSet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Largest:
    """The largest size that ran within a limit, per group of cases.  A notebook shows a table; `print` prints text.

    Parameters
    ----------
    results
        The probes.
    hunt
        What was looked for.
    """

    def __init__(self, results: ResultSet, hunt: Hunt) -> None:
        self.hunt = hunt
        self.found = found_in(results, hunt)

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, one row per group: model, task, the other sizes and axes, the largest size and why no larger.

        The column of the size (``batch_size`` ...) is missing where none fits; ``memory_mb`` is what the largest
        needed; ``limit_mb`` the limit; ``limited_by`` is ``memory``, ``maximum`` or the reason for which the next size
        fails; ``probes`` is how many sizes were tried.
        """
        import pandas as pd

        frame = pd.DataFrame([self._frame_row(found) for found in self.found])
        return frame.astype({self.hunt.what: "Int64"})

    def _frame_row(self, found: Found) -> dict[str, Any]:
        row, axes = found.probes[0], varying_axes(each.probes[0].requested for each in self.found)
        shown = row.case.shown
        shown[self.hunt.what] = None if found.largest is None else self.hunt.size.of(found.largest.case)
        needed = None if found.largest is None else needed_mb(found.largest.measurement)
        return {
            **shown,
            **{name: row.requested.get(name) for name in axes if name != self.hunt.what},
            "memory_mb": float("nan") if needed is None else needed,
            "limit_mb": self.hunt.limit_mb,
            "limited_by": found.limited_by,
            "probes": len(found.probes),
        }

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Plot memory against size: every probe, the limit as a line, and the largest size that fits.

        Parameters
        ----------
        ax
            Axes to draw on; by default those of a new pyplot figure.
        """
        return plot_probes(self.found, self.hunt, [self._name(found) for found in self.found], ax=ax)

    def _name(self, found: Found) -> str:
        """Return what tells a group from the others."""
        row = found.probes[0]
        words = {"task": "", **{name: f"{word} " for name, word in SHORT_SIZES.items()}}
        differing = (f"{word}{getattr(row.case, name)}" for name, word in words.items() if self._differ(name))
        return ", ".join([row.label, *differing])

    def _differ(self, name: str) -> bool:
        return name != self.hunt.what and len({getattr(found.probes[0].case, name) for found in self.found}) > 1

    def _title(self) -> str:
        return f"Largest {self.hunt.what.replace('_', ' ')} within {format_memory(self.hunt.limit_mb)}"

    def _texts(self) -> tuple[list[str], list[list[str]]]:
        heads = ["Model", self.hunt.what.replace("_", " ").capitalize(), "Memory", "Probes", "Limited by"]
        rows = []
        for found in self.found:
            if found.largest is None:
                size, needed = "none", ""
            else:
                size = f"{self.hunt.size.of(found.largest.case):,}"
                needed = format_memory(needed_mb(found.largest.measurement) or 0.0)
            rows.append([self._name(found), size, needed, str(len(found.probes)), found.limited_by])
        return heads, rows

    def _repr_html_(self) -> str:
        heads, rows = self._texts()
        return render("largest.html.j2", title=self._title(), heads=heads, rows=rows)

    def to_markdown(self) -> str:
        """Return the answer as a table in GitHub's Markdown."""
        heads, rows = self._texts()
        cells = [[markdown_code(name), *rest, markdown_code(reason)] for name, *rest, reason in rows]
        return for_stdout(
            "\n".join(
                [f"**{self._title()}**", "", *table_lines(heads, [":---", "---:", "---:", "---:", ":---"], cells)]
            )
        )

    def __str__(self) -> str:
        _, rows = self._texts()
        lines = [f"{self._title()}:"]
        for name, size, needed, probes, reason in rows:
            lines.append(
                f"{printable(name)}: {size}"
                + f" ({needed})" * bool(needed)
                + f"; {counted(int(probes), 'probe')}, limited by {printable(reason)}"
            )
        return for_stdout("\n".join(lines))

    __repr__ = __str__
