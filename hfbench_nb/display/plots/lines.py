"""Drawing series as lines, or as bars where there is only one place along the axis; several tasks beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hfbench_nb.display.plots.bars import bar_panels, draw_bars
from hfbench_nb.display.plots.layout import finish, finish_panels, new_axes, new_panels, set_heading
from hfbench_nb.display.plots.series import Look, Panel, Series, failed_of, is_too_noisy, labels_of, set_styles
from hfbench_nb.display.plots.style import FAINT, GREY, clean, from_zero, plain_text, plain_ticks, span_enough, ticks_at
from hfbench_nb.results.curve_frame import axis_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# How far a fitted curve is drawn beyond the last point.
_BEYOND = 1.25
# Ratios that differ by less than this factor are drawn as nearly flat lines.
_FLAT = 1.05
# Maximum number of marks side by side at the same place, and their distance, points.
_MARKS, _MARK_STEP = 6, 7.0
# Number of lines above which intervals are thin bars and not bands.
_MOST_BANDS = 6


def draw(ax: Axes | None, series: Sequence[Series], look: Look) -> Axes:
    """Draw series as curves, or as bars if there is only one place along the axis.

    Parameters
    ----------
    ax
        Axes to draw on, or None for those of a new figure.
    series
        The lines.
    look
        What to show, and how.
    """
    positions = _positions(series, look)
    if len(positions) == 1:
        return draw_bars(ax, _bars(series), look.text, look.title, reference=look.reference, heading=look.heading)
    own = ax is None
    ax = new_axes() if ax is None else ax
    _paint([Panel(ax, series)], look, positions)
    ax.set_ylabel(look.title)
    set_heading(ax, look.heading)
    finish(ax, own=own)
    ticks_at(ax, positions)
    return ax


def draw_panels(panels: Sequence[tuple[str, Sequence[Series]]], look: Look) -> Axes:
    """Draw groups of series in a new figure, each with its title on axes of its own, all to one scale.

    Returns
    -------
    matplotlib.axes.Axes
        The first.
    """
    everything = [line for _, series in panels for line in series]
    positions = _positions(everything, look)
    if len(positions) == 1:
        titled = [(title, _bars(series)) for title, series in panels]
        return bar_panels(titled, look.text, look.title, heading=look.heading)
    axes = new_panels(len(panels))
    made = [Panel(ax, series, title) for ax, (title, series) in zip(axes, panels, strict=True)]
    _paint(made, look, positions)
    axes[0].set_ylabel(look.title)
    for ax, (title, _) in zip(axes, panels, strict=True):
        set_heading(ax, title)
    finish_panels(axes, look.heading)
    for ax in axes:
        ticks_at(ax, positions)
    return axes[0]


def _positions(series: Sequence[Series], look: Look) -> list[int]:
    return sorted({int(place) for line in series for place in line.points[look.along].dropna()})


def _bars(series: Sequence[Series]) -> list[tuple[str, str, Any]]:
    """Return name, label and point of each bar; only the first of a label has the whole name."""
    bars, before = [], None
    for line in series:
        name = line.distinction if line.distinction and line.label == before else line.name
        bars.append((name, line.label, line.points.iloc[0]))
        before = line.label
    return bars


def _paint(panels: list[Panel], look: Look, positions: list[int]) -> None:
    """Draw the lines, the marks of failures and the axes."""
    set_styles(panels, look, positions[-1])
    labels = labels_of(panels, look.along)
    with_bands = max(len(panel.series) for panel in panels) <= _MOST_BANDS
    for panel in panels:
        # The legend names the lines from top to bottom, as they end.
        ordered = sorted(
            zip(panel.series, panel.styles, strict=True), key=lambda item: _rank(item[0].last_value), reverse=True
        )
        for line, style in ordered:
            _draw_line(panel.ax, line, labels[line.name], look.along, style, with_bands=with_bands)
        _mark_failures(panel, look.along)
        if look.reference is not None:
            panel.ax.axhline(look.reference, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    values = [float(value) for panel in panels for line in panel.series for value in line.points["value"].dropna()]
    for panel in panels:
        _set_axes(panel.ax, values, look, positions)
        panel.ax.set_xlabel(axis_title(look.along))


def _rank(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def _draw_line(ax: Axes, line: Series, label: str, along: str, style: dict[str, Any], *, with_bands: bool) -> None:
    import numpy as np

    good = line.points[line.points["value"].notna()]
    shape = {**style, "linestyle": "none"} if line.curve is not None else style
    is_faint = style["color"] == FAINT
    ax.plot(
        good[along], good["value"], label=plain_text(label), markersize=4 if is_faint else 5,
        linewidth=1.0 if is_faint else 1.6, **shape,
    )  # fmt: skip
    is_noisy = is_too_noisy(good)
    known = good.assign(low=good["low"].mask(is_noisy), high=good["high"].mask(is_noisy))
    if line.curve is None and with_bands:
        ax.fill_between(known[along], known["low"], known["high"], color=style["color"], alpha=0.2, linewidth=0)
    elif not is_faint:
        below, above = (
            (known[wide] - known[narrow]).clip(lower=0) for wide, narrow in (("value", "low"), ("high", "value"))
        )
        ax.errorbar(known[along], known["value"], yerr=[below, above], color=style["color"], fmt="none", elinewidth=1)
    if line.curve is not None:
        n = np.geomspace(good[along].min(), good[along].max() * _BEYOND, 100)
        ax.plot(n, line.curve(n), color=style["color"], linestyle=style["linestyle"], linewidth=0.9)


def _mark_failures(panel: Panel, along: str) -> None:
    """Draw a cross on the axis for each failed case, side by side if several failed there; a black one for many."""
    from matplotlib.transforms import ScaledTranslation

    ax = panel.ax
    lines = zip(panel.series, panel.styles, strict=True)
    crosses = [(int(place), style["color"]) for line, style in lines for place in failed_of(line)[along]]
    for place in sorted({place for place, _ in crosses}):
        colours = [colour for at, colour in crosses if at == place]
        colours = colours if len(colours) <= _MARKS else ["black"]
        for number, colour in enumerate(colours):
            points_aside = (number - (len(colours) - 1) / 2) * _MARK_STEP
            aside = ScaledTranslation(points_aside / 72, 0, ax.figure.dpi_scale_trans)
            # On the axis itself, whatever the scale: x in data, y in shares of the height.
            ax.plot(
                [place], [0.0], transform=ax.get_xaxis_transform() + aside, color=colour, marker="x",
                markersize=8, markeredgewidth=2, linestyle="none", clip_on=False, zorder=5,
            )  # fmt: skip


def _set_axes(ax: Axes, values: Sequence[float], look: Look, positions: list[int]) -> None:
    """Set scales, plain ticks and limits: a logarithmic axis only where values span enough for one."""
    shown = [*values, *([] if look.reference is None else [look.reference])]
    low, high = min(shown, default=0.0), max(shown, default=1.0)
    if look.log:
        ax.set_xscale("log", base=2)
    if look.log and (span_enough(low, high) or (look.reference is not None and low > 0)):
        ax.set_yscale("log")
        if high < _FLAT * low:
            ax.set_ylim(low / _FLAT, high * _FLAT)
        plain_ticks(ax.yaxis, *ax.get_ylim(), log=True)
    else:
        from_zero(ax)
        plain_ticks(ax.yaxis, 0.0, high, log=False)
    if not shown:
        ax.set_yticks([])
    # The places of failed cases count, too.
    ax.update_datalim([(positions[0], 0), (positions[-1], 0)], updatey=False)
    ax.autoscale_view(scaley=False)
    ticks_at(ax, positions)
    clean(ax)
