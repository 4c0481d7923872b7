"""How time or memory grows with the sequence length: one fit per model, task and batch size."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hfbench_nb.arguments.checks import positive_integers
from hfbench_nb.protocol.case import SHOWN
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.rendering.escaping import for_stdout, printable
from hfbench_nb.rendering.html import render
from hfbench_nb.rendering.keywords import refuse_unknown_keywords_of_methods
from hfbench_nb.rendering.suggestions import no_such
from hfbench_nb.results.curve_frame import curve_keys, make_curve_frame
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.result_set import ResultSet

if TYPE_CHECKING:
    import pandas as pd

    from hfbench_nb.analysis.fits import Fit

_POWERS = ("", " n", " n²")


@dataclass(frozen=True)
class ScalingRow:
    """The fit of one model, task and batch size, or why there is none.

    Attributes
    ----------
    framework, label, task, batch_size
        Whose fit it is; `label` names the model as in tables and plots.
    points
        Sequence lengths (tokens) and values that it is fitted to, in the metric's unit.
    fit
        The fit, or None.
    note
        Why there is none, else empty.
    """

    framework: str
    label: str
    task: str
    batch_size: int
    points: tuple[tuple[int, float], ...]
    fit: Fit | None
    note: str

    @property
    def longest_length(self) -> int:
        """Longest sequence length with a value, in tokens; 0 without any."""
        return max((n for n, _ in self.points), default=0)


@refuse_unknown_keywords_of_methods
class Scaling:
    """The fits of a result set.  A notebook displays them as a table; `print` prints them as text.

    Parameters
    ----------
    metric
        What was fitted.
    rows
        The fits.
    """

    def __init__(self, metric: Metric, rows: Iterable[ScalingRow]) -> None:
        self.metric = metric
        self.rows = tuple(rows)

    @property
    def frame(self) -> pd.DataFrame:
        """A DataFrame, one row per fit; NaN if there is none, with the reason in ``note``.

        ``constant_s``, ``linear_s_per_token`` and ``quadratic_s_per_token2`` (``mb`` for ``s`` with memory) are the
        coefficients, 0 for terms that were not chosen; ``residual`` and ``cross_validation_error`` are root mean
        squares of relative errors; the shares of the terms are those at ``longest_length``, in tokens; from
        ``quadratic_from`` tokens on, the quadratic part exceeds the other two together.
        """
        import pandas as pd

        return pd.DataFrame([_frame_row(row, self.metric.name.rsplit("_", 1)[-1]) for row in self.rows])

    @property
    def residuals(self) -> pd.DataFrame:
        """A DataFrame, one row per measured case: the metric, the fitted value, and ``residual``, relative."""
        import pandas as pd

        return pd.DataFrame(
            [
                (row.label, row.task, row.batch_size, n, value, value * (1 + residual), residual)
                for row in self.rows
                if row.fit is not None
                for (n, value), residual in zip(row.points, row.fit.residuals, strict=True)
            ],
            columns=[*SHOWN, self.metric.name, "fitted", "residual"],
        )

    def predict(
        self,
        sequence_length: int | Iterable[int],
        *,
        model: str | None = None,
        task: str | None = None,
        batch_size: int | None = None,
    ) -> pd.DataFrame:
        """Predict the metric at sequence lengths, measured or not.

        Parameters
        ----------
        sequence_length
            One or more, in tokens.
        model, task, batch_size
            Whose fits; by default all.

        Returns
        -------
        pandas.DataFrame
            One row per fit and length, with ``model``, ``task``, ``batch_size``, ``sequence_length``, the metric (NaN
            where there is no fit) and ``extrapolated``: whether the length lies outside those measured, where nothing
            bounds the error.

        Raises
        ------
        ArgumentError
            If a length is not a whole number of at least 1, or no fit is of that model, task or batch size.
        """
        import pandas as pd

        one = [sequence_length] if not isinstance(sequence_length, Iterable) else sequence_length
        lengths = positive_integers("sequence_length", one)
        rows = list(self.rows)
        for name, wanted in (("model", model), ("task", task), ("batch_size", batch_size)):
            known = {row: row.label if name == "model" else getattr(row, name) for row in rows}
            if wanted is not None and wanted not in known.values():
                raise no_such(name, wanted, known.values())
            rows = [row for row in rows if wanted is None or known[row] == wanted]
        return pd.DataFrame(
            [
                (
                    row.label,
                    row.task,
                    row.batch_size,
                    n,
                    float(row.fit(n)) if row.fit else math.nan,
                    _is_outside(row, n),
                )
                for row in rows
                for n in lengths
            ],
            columns=[*SHOWN, self.metric.name, "extrapolated"],
        )

    def _repr_html_(self) -> str:
        return render("scaling.html.j2", title=self.metric.axis_title, rows=self._texts())

    def __str__(self) -> str:
        lines = [f"{self.metric.axis_title} by sequence length n (tokens)"]
        for text in self._texts():
            tail = f"residual {text['residual']}, {text['shares']}" if text["residual"] else ""
            parts = [
                f"{printable(text['model'])}, {text['task']}, batch size {text['batch_size']}: {text['fit']}",
                tail,
            ]
            if text["quadratic_from"]:
                parts.append(f"quadratic part largest from {text['quadratic_from']}")
            lines.append("; ".join(part for part in parts if part))
        return for_stdout("\n".join(lines))

    __repr__ = __str__

    def _texts(self) -> list[dict[str, Any]]:
        return [_texts_of(row, self.metric) for row in self.rows]


def scaling(results: ResultSet, values: str | None = None) -> Scaling:
    """Fit how time or memory grows with the sequence length, for each model, task and batch size.

    The fit is ``constant + linear * n + quadratic * n**2``, with the terms that are necessary; see
    `hfbench_nb.analysis.fits.fit_curve`.

    Parameters
    ----------
    results
        What to fit; the results themselves when called as a method.
    values
        ``time_s``, ``memory_mb`` or another metric; by default time where it was measured.

    Returns
    -------
    Scaling
        The fits, with `Scaling.frame` and `Scaling.predict`.  Where fewer than three sequence lengths have a value, or
        the closest curve misses one by far, there is no fit, and a note says so.

    Raises
    ------
    ArgumentError
        If `values` cannot be used, or no case has a batch size and a sequence length.
    """
    metric, frame = make_curve_frame(results, values)
    if metric.is_rate:
        raise wrong_value("values", values, "'time_s' or 'memory_mb': throughput follows from the fit of time")
    groups: Any = frame.groupby(curve_keys(), sort=False)
    return Scaling(metric, [_fit(key, group) for key, group in groups])


def _fit(key: tuple[str, str, int], group: pd.DataFrame) -> ScalingRow:
    from hfbench_nb.analysis.fits import fit_curve

    label, task, batch_size = key
    good = group.dropna(subset=["value"]).sort_values("sequence_length")
    points = tuple(zip(good["sequence_length"].tolist(), good["value"].tolist(), strict=True))
    fit, note = None, ""
    try:
        intervals = list(zip(good["low"], good["high"], strict=True))
        fit = fit_curve([n for n, _ in points], [value for _, value in points], intervals)
    except ValueError as error:
        note = str(error)
    return ScalingRow(str(group["framework"].iloc[0]), label, task, int(batch_size), points, fit, note)


def _is_outside(row: ScalingRow, n: int) -> bool:
    measured = [length for length, _ in row.points]
    return not measured or not min(measured) <= n <= max(measured)


def _frame_row(row: ScalingRow, unit: str) -> dict[str, Any]:
    fit, longest = row.fit, row.longest_length
    absent = (math.nan,) * 3
    coefficients = absent if fit is None else fit.coefficients
    shares = absent if fit is None else fit.shares(longest)
    return {
        "framework": row.framework,
        "model": row.label,
        "task": row.task,
        "batch_size": row.batch_size,
        "lengths": len({n for n, _ in row.points}),
        "terms": "" if fit is None else " + ".join(fit.terms),
        f"constant_{unit}": coefficients[0],
        f"linear_{unit}_per_token": coefficients[1],
        f"quadratic_{unit}_per_token2": coefficients[2],
        "residual": math.nan if fit is None else fit.residual,
        "cross_validation_error": math.nan if fit is None else fit.cross_validation_error,
        "longest_length": longest,
        "constant_share": shares[0],
        "linear_share": shares[1],
        "quadratic_share": shares[2],
        "quadratic_from": math.nan if fit is None else fit.quadratic_from,
        "note": row.note,
    }


def _texts_of(row: ScalingRow, metric: Metric) -> dict[str, Any]:
    fit = row.fit
    text = {"model": row.label, "task": row.task, "batch_size": row.batch_size, "fit": f"no fit: {row.note}"}
    if fit is None:
        return {**text, "residual": "", "shares": "", "quadratic_from": ""}
    terms = [
        f"{_amount(value, metric)}{power}" for value, power in zip(fit.coefficients, _POWERS, strict=True) if value > 0
    ]
    shares = [
        f"{name} {100 * share:.0f} %"
        for name, share in zip(("constant", "linear", "quadratic"), fit.shares(row.longest_length), strict=True)
        if share > 0
    ]
    return {
        **text,
        "fit": " + ".join(terms),
        "residual": f"±{100 * fit.residual:.1f} %",
        "shares": f"at {row.longest_length:,}: {', '.join(shares)}",
        "quadratic_from": "" if math.isnan(fit.quadratic_from) else f"{fit.quadratic_from:,.0f}",
    }


def _amount(value: float, metric: Metric) -> str:
    """Return a coefficient with its unit: that of memory may be a small part of an MB."""
    return f"{value:,.3g} MB" if metric.unit == "MB" else metric.text(value)
