"""How time or memory grows with the sequence length: a law a model, task and batch size."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hfbench_nb.arguments.checks import positive_integers
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.rendering.escaping import printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.units import format_time
from hfbench_nb.results.points import THROUGHPUT, TITLES, make_points

if TYPE_CHECKING:
    import pandas as pd

    from hfbench_nb.analysis.fits import Law
    from hfbench_nb.facade.benchmark_results import BenchmarkResults

_POWERS = ("", " n", " n²")


@dataclass(frozen=True)
class ScalingRow:
    """The law of one model, task and batch size, or why there is none.

    Attributes
    ----------
    framework, label, task, batch_size
        Whose law it is; `label` names the model as in tables and plots.
    points
        Sequence lengths (tokens) and figures that it is fitted to, in the figure's unit.
    law
        The law, or None.
    note
        Why there is none, else empty.
    """

    framework: str
    label: str
    task: str
    batch_size: int
    points: tuple[tuple[int, float], ...]
    law: Law | None
    note: str

    @property
    def longest_length(self) -> int:
        """Longest sequence length with a figure, in tokens; 0 without any."""
        return max((n for n, _ in self.points), default=0)


class Scaling:
    """The laws of results.  In a notebook it shows a table; `print` gives the laws as text.

    Parameters
    ----------
    values
        The figure: a column of the results' frame.
    rows
        The laws.
    """

    def __init__(self, values: str, rows: Iterable[ScalingRow]) -> None:
        self.values = values
        self.rows = tuple(rows)

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, a row a law; NaN where there is none, and why in ``note``.

        ``constant_s``, ``linear_s_per_token`` and ``quadratic_s_per_token2`` (``mb`` for ``s`` with memory) are the
        coefficients, 0 for terms that were not chosen; ``residual`` and ``cross_validation_error`` are root mean
        squares of relative errors; the shares of the terms are those at ``longest_length``, in tokens; from
        ``quadratic_from`` tokens on the quadratic part is more than the other two together.
        """
        import pandas as pd

        return pd.DataFrame([_frame_row(row, self.values.rsplit("_", 1)[-1]) for row in self.rows])

    @property
    def residuals(self) -> pd.DataFrame:
        """A DataFrame, a row a measured cell: the figure, what the law gives there, and ``residual``, relative."""
        import pandas as pd

        return pd.DataFrame(
            [
                (row.label, row.task, row.batch_size, n, value, value * (1 + residual), residual)
                for row in self.rows
                if row.law is not None
                for (n, value), residual in zip(row.points, row.law.residuals, strict=True)
            ],
            columns=["model", "task", "batch_size", "sequence_length", self.values, "fitted", "residual"],
        )

    def predict(
        self,
        sequence_length: int | Iterable[int],
        *,
        model: str | None = None,
        task: str | None = None,
        batch_size: int | None = None,
    ) -> pd.DataFrame:
        """Give what the laws say at sequence lengths, measured or not.

        Parameters
        ----------
        sequence_length
            One or more, in tokens.
        model, task, batch_size
            Whose laws; by default all.

        Returns
        -------
        pandas.DataFrame
            A row a law and length, with ``model``, ``task``, ``batch_size``, ``sequence_length``, the figure (NaN where
            there is no law) and ``extrapolated``: whether the length lies outside those measured, where nothing bounds
            the error.

        Raises
        ------
        ArgumentError
            If a length is not a whole number of at least 1, or no law is of that model, task or batch size.
        """
        import pandas as pd

        one = [sequence_length] if not isinstance(sequence_length, Iterable) else sequence_length
        lengths = positive_integers("sequence_length", one)
        rows = list(self.rows)
        for name, wanted in (("model", model), ("task", task), ("batch_size", batch_size)):
            known = {row: row.label if name == "model" else getattr(row, name) for row in rows}
            if wanted is not None and wanted not in known.values():
                raise wrong_value(name, wanted, " or ".join(map(repr, dict.fromkeys(known.values()))))
            rows = [row for row in rows if wanted is None or known[row] == wanted]
        return pd.DataFrame(
            [
                (
                    row.label,
                    row.task,
                    row.batch_size,
                    n,
                    float(row.law(n)) if row.law else math.nan,
                    _is_outside(row, n),
                )
                for row in rows
                for n in lengths
            ],
            columns=["model", "task", "batch_size", "sequence_length", self.values, "extrapolated"],
        )

    def _repr_html_(self) -> str:
        return render("scaling.html.j2", figure=TITLES.get(self.values, self.values), rows=self._texts())

    def __str__(self) -> str:
        lines = [f"{TITLES.get(self.values, self.values)} by sequence length n (tokens)"]
        for text in self._texts():
            tail = f"residual {text['residual']}, {text['shares']}" if text["residual"] else ""
            parts = [
                f"{printable(text['model'])}, {text['task']}, batch size {text['batch_size']}: {text['law']}",
                tail,
            ]
            if text["quadratic_from"]:
                parts.append(f"quadratic part largest from {text['quadratic_from']}")
            lines.append("; ".join(part for part in parts if part))
        return "\n".join(lines)

    __repr__ = __str__

    def _texts(self) -> list[dict[str, Any]]:
        return [_texts_of(row, self.values) for row in self.rows]


def scaling(results: BenchmarkResults, values: str | None = None) -> Scaling:
    """Fit how time or memory grows with the sequence length, for each model, task and batch size.

    The law is ``constant + linear * n + quadratic * n**2``, with the terms that cross-validation finds needed:
    `hfbench_nb.laws.fit_law` says how.

    Parameters
    ----------
    results
        What to fit; as a method, the results themselves.
    values
        ``time_s``, ``memory_mb`` or another column of numbers; by default time where it was measured.

    Returns
    -------
    Scaling
        The laws, with `Scaling.frame` and `Scaling.predict`.  Where fewer than three sequence lengths have a figure
        there is no law, and a note says so.

    Raises
    ------
    ArgumentError
        If `values` cannot be used, or no cell has a batch size and a sequence length.
    """
    if values in THROUGHPUT:
        raise wrong_value("values", values, "'time_s' or 'memory_mb': throughput follows from the law of time")
    values, points = make_points(results, values)
    groups: Any = points.groupby(["label", "task", "batch_size"], sort=False)
    return Scaling(values, [_fit(key, group) for key, group in groups])


def _fit(key: tuple[str, str, int], group: pd.DataFrame) -> ScalingRow:
    from hfbench_nb.analysis.fits import fit_law

    label, task, batch_size = key
    good = group.dropna(subset=["value"]).sort_values("sequence_length")
    points = tuple(zip(good["sequence_length"].tolist(), good["value"].tolist(), strict=True))
    law, note = None, ""
    try:
        law = fit_law([n for n, _ in points], [value for _, value in points])
    except ValueError as error:
        note = str(error)
    return ScalingRow(str(group["framework"].iloc[0]), label, task, int(batch_size), points, law, note)


def _is_outside(row: ScalingRow, n: int) -> bool:
    measured = [length for length, _ in row.points]
    return not measured or not min(measured) <= n <= max(measured)


def _frame_row(row: ScalingRow, unit: str) -> dict[str, Any]:
    law, longest = row.law, row.longest_length
    absent = (math.nan,) * 3
    coefficients = absent if law is None else law.coefficients
    shares = absent if law is None else law.shares(longest)
    return {
        "framework": row.framework,
        "model": row.label,
        "task": row.task,
        "batch_size": row.batch_size,
        "lengths": len({n for n, _ in row.points}),
        "terms": "" if law is None else " + ".join(law.terms),
        f"constant_{unit}": coefficients[0],
        f"linear_{unit}_per_token": coefficients[1],
        f"quadratic_{unit}_per_token2": coefficients[2],
        "residual": math.nan if law is None else law.residual,
        "cross_validation_error": math.nan if law is None else law.cross_validation_error,
        "longest_length": longest,
        "constant_share": shares[0],
        "linear_share": shares[1],
        "quadratic_share": shares[2],
        "quadratic_from": math.nan if law is None else law.quadratic_from,
        "note": row.note,
    }


def _texts_of(row: ScalingRow, values: str) -> dict[str, Any]:
    law = row.law
    text = {"model": row.label, "task": row.task, "batch_size": row.batch_size, "law": f"no law: {row.note}"}
    if law is None:
        return {**text, "residual": "", "shares": "", "quadratic_from": ""}
    terms = [
        f"{_amount(value, values)}{power}" for value, power in zip(law.coefficients, _POWERS, strict=True) if value > 0
    ]
    shares = [
        f"{name} {100 * share:.0f} %"
        for name, share in zip(("constant", "linear", "quadratic"), law.shares(row.longest_length), strict=True)
        if share > 0
    ]
    return {
        **text,
        "law": " + ".join(terms),
        "residual": f"±{100 * law.residual:.1f} %",
        "shares": f"at {row.longest_length:,}: {', '.join(shares)}",
        "quadratic_from": "" if math.isnan(law.quadratic_from) else f"{law.quadratic_from:,.0f}",
    }


def _amount(value: float, values: str) -> str:
    return format_time(value) if values.endswith("_s") else f"{value:,.3g} MB"
