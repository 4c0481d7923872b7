"""Curves to point at: a chart of Altair that tells what each point is, and fades all lines but the chosen ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from hfbench_nb.display.plots.headings import heading
from hfbench_nb.display.plots.style import line_style, series_names, span_enough
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.results.curve_frame import axis_title, curve_keys, make_curve_frame, other_sizes
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.result_set import ResultSet

if TYPE_CHECKING:
    import pandas as pd
    from altair import LayerChart

_WIDTH, _HEIGHT = 560, 320
_CHOSEN, _OTHERS, _BAND = 1.0, 0.12, 0.2
# matplotlib's line styles as lengths of dashes and gaps, pixels.
_DASHES = {"-": [1, 0], "--": [6, 3], "-.": [6, 3, 1, 3], ":": [1, 3]}


def plot_interactive(
    results: ResultSet,
    values: str | None = None,
    along: str = "sequence_length",
    *,
    task: str | None = None,
    log: bool = True,
) -> LayerChart:
    """Plot a metric as `plot` does, with what each point is under the pointer; needs Altair, an extra.

    A click on a name in the legend fades all other lines, and one with Shift adds a line; a double click shows all
    again.  The axes can be dragged and zoomed.  Cases that failed are crosses at the lower edge.

    Parameters
    ----------
    results
        What to plot; the results themselves when called as a method.
    values
        Name of a metric: ``time_s``, ``memory_mb``, ``tokens_per_s`` ...  By default time if it was measured.
    along
        ``sequence_length``, ``batch_size``, or a numeric axis such as ``threads``.
    task
        One of the tasks measured; by default all.
    log
        Logarithmic axes; the vertical one only where the values differ by a factor of 2 or more, otherwise it starts at
        zero.

    Returns
    -------
    altair.LayerChart
        A notebook shows it, by scripts that Altair loads from a web server unless ``altair.renderers`` says otherwise;
        ``.save("curves.html", inline=True)`` writes a page that needs no network.

    Raises
    ------
    ArgumentError
        If Altair is not installed, a parameter cannot be used, no case has a batch size and a sequence length, or the
        metric was not measured.
    """
    alt = _altair()
    metric, points = make_curve_frame(results, values, task, along)
    sizes = other_sizes(along)
    title = heading(results, points, sizes)
    chart = _chart(alt, points, metric, along, sizes, log=log)
    return cast("LayerChart", chart.properties(title=alt.TitleParams(title, anchor="start")))


def _altair() -> Any:
    try:
        import altair as alt
    except ImportError as error:
        raise ArgumentError(
            "plot_interactive needs Altair, which is not installed: pip install 'hfbench-nb[interactive]'; "
            "plot draws the same curves without it."
        ) from error
    return alt


def _chart(alt: Any, points: pd.DataFrame, metric: Metric, along: str, sizes: list[str], *, log: bool) -> Any:
    """Return the chart: below the curves the bands of their intervals, above them what failed."""
    keys = list(points[curve_keys(along)].itertuples(index=False, name=None))
    distinct = list(dict.fromkeys(keys))
    names = dict(zip(distinct, series_names(distinct, sizes), strict=True))
    records = [_record(row, names[key], metric) for row, key in zip(points.to_dict("records"), keys, strict=True)]
    lines = list(names.values())
    chosen = alt.selection_point(fields=["line"], bind="legend")
    legend = alt.Legend(title=None, orient="bottom", columns=2, labelLimit=_WIDTH // 2)
    styles = [line_style(i) for i in range(len(lines))]
    colors, dashes = [style["color"] for style in styles], [_DASHES[style["linestyle"]] for style in styles]
    tips = {"line": "Model", "along": axis_title(along), "text": metric.title, "interval": "95 % interval",
            "status": "Status"}  # fmt: skip
    base = (
        alt.Chart(alt.Data(values=records), width=_WIDTH, height=_HEIGHT)
        .transform_calculate(along=f"datum[{along!r}]")
        .encode(
            x=alt.X("along:Q", title=axis_title(along), scale=alt.Scale(type="log", base=2) if log else alt.Scale()),
            color=alt.Color("line:N", scale=alt.Scale(domain=lines, range=colors), legend=legend),
            opacity=alt.when(chosen).then(alt.value(_CHOSEN)).otherwise(alt.value(_OTHERS)),
            tooltip=[alt.Tooltip(f"{name}:N", title=title) for name, title in tips.items()],
        )
    )
    is_wide = log and span_enough(points["value"].min(), points["value"].max())
    scale = alt.Scale(type="log") if is_wide else alt.Scale(zero=True)
    y = alt.Y("value:Q", title=metric.axis_title, scale=scale)
    layers = []
    if points["low"].notna().any():
        bands = base.transform_filter("isValid(datum.low)").mark_area(fillOpacity=_BAND)
        layers.append(bands.encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"))
    measured = base.transform_filter("isValid(datum.value)").encode(y=y)
    dash = alt.StrokeDash("line:N", scale=alt.Scale(domain=lines, range=dashes), legend=legend)
    layers += [measured.mark_line().encode(strokeDash=dash), measured.mark_circle(size=60).add_params(chosen)]
    if (points["status"] != "ok").any():
        failed = base.transform_filter("datum.status != 'ok'").mark_point(shape="cross", size=80, filled=True)
        layers.append(failed.encode(y=alt.value(_HEIGHT - 6)))
    return alt.layer(*layers).interactive()


def _record(row: dict[Any, Any], line: str, metric: Metric) -> dict[str, Any]:
    """Return a point as the chart has it, without the values that are not numbers."""
    low, high = row["low"], row["high"]
    interval = "" if math.isnan(low) else f"{metric.text(low)} to {metric.text(high)}"
    numbers = {name: value for name, value in row.items() if not (isinstance(value, float) and math.isnan(value))}
    return {**numbers, "line": line, "text": metric.text(row["value"]), "interval": interval}
