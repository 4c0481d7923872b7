"""The common look of all plots: colours, markers, axes with plain tick labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hfbench_nb.rendering.escaping import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Colour-blind-safe: M. Okabe and K. Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/
# (with the grey of R's "Okabe-Ito" in place of its yellow, which is hard to see on white).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999")
GREY = "#767676"
"""For background elements: marks of failures, guide lines."""
FAINT = "#A8A8A8"
"""For lines that are not among the best of many."""

SHORT_SIZES = {"batch_size": "batch", "sequence_length": "length"}
"""The words for sizes where there is little room."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# Each pass through the palette has its own line style and marker fill.
_ROUNDS = (("-", "full"), ("--", "none"), ("-.", "left"), (":", "top"))

# Values that differ by less than this factor are drawn on a linear axis from zero.
_LEAST_SPAN = 2.0
# Over fewer decades than this, a logarithmic axis gets equally spaced ticks: 1, 2, 5 would be too few to show a scale.
_SHORT_AXIS = 0.8
# Within a decade, from few to many, and the smallest number of ticks on an axis.
_TICKS: tuple[tuple[float, ...], ...] = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
_LEAST_TICKS = 4
# How far an axis that begins at zero reaches, times the highest value.
_HEADROOM = 1.05
# Width of a digit in a tick label, inches.
_LETTER_WIDTH = 0.09


def line_style(i: int) -> dict[str, Any]:
    """Return the style of the `i`-th line; the first 32 all differ, by colour and marker or by line style and fill."""
    line, filling = _ROUNDS[i // len(PALETTE) % len(_ROUNDS)]
    return {
        "color": PALETTE[i % len(PALETTE)],
        "marker": MARKERS[i % len(MARKERS)],
        "linestyle": line,
        "fillstyle": filling,
        "markerfacecoloralt": "white",
    }


def series_styles(labels: Sequence[str], coloured: Sequence[str], faint: Sequence[str]) -> list[dict[str, Any]]:
    """Return the style of each line, given its label.

    The lines of a label have one colour and marker, and differ by line style and fill.  Labels that are `faint` are
    grey, and differ by marker and line style.
    """
    lines: Counter[str] = Counter()
    styles = []
    for label in labels:
        number, of_label = (coloured if label in coloured else faint).index(label), len(PALETTE) * lines[label]
        style = line_style(number + of_label)
        lines[label] += 1
        styles.append(style if label in coloured else {**style, "color": FAINT, "zorder": 1.5})
    return styles


def series_names(keys: Sequence[tuple[Any, ...]], sizes: Sequence[str]) -> list[str]:
    """Name each (label, task, size, ...) by what distinguishes it from the others; `sizes` says what the sizes are."""
    return [", ".join([str(key[0]), *rest]) for key, rest in zip(keys, distinctions(keys, sizes), strict=True)]


def distinctions(keys: Sequence[tuple[Any, ...]], sizes: Sequence[str]) -> list[list[str]]:
    """Return what distinguishes each (label, task, size, ...) from the others, in words, beside its label."""
    several = [len({key[i] for key in keys}) > 1 for i in range(1, 2 + len(sizes))]
    words = ["", *(f"{SHORT_SIZES.get(size, size.replace('_', ' '))} " for size in sizes)]
    return [
        [f"{word}{part}" for word, part, wanted in zip(words, key[1:], several, strict=True) if wanted] for key in keys
    ]


def plain_text(name: str) -> str:
    r"""Escape a name so that matplotlib shows it unchanged: dollars mean mathematics, a leading underscore hides it.

    Examples
    --------
    >>> plain_text("$a$"), plain_text("_b")
    ('\\$a\\$', ' _b')
    """
    return " " * name.startswith("_") + printable(name).replace("$", r"\$")


def span_enough(low: float, high: float) -> bool:
    """Return whether values deserve a logarithmic axis; otherwise one that starts at zero shows them as they are."""
    return low > 0 and high >= _LEAST_SPAN * low


def clean(ax: Axes) -> None:
    """Remove the top and right spines, and draw a faint grid."""
    ax.grid(visible=True, which="major", alpha=0.3)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def from_zero(ax: Axes) -> None:
    """Let the y axis begin at zero and end above the highest value drawn.

    Matplotlib's margin is a share of the range of the values, thus next to none where they hardly differ.
    """
    ax.set_ylim(0, max(ax.get_ylim()[1], _HEADROOM * ax.dataLim.y1))


def plain_ticks(axis: Axis, low: float, high: float, *, log: bool) -> None:
    """Label the ticks with whole numbers and decimals, not powers, and set enough of them to show the scale.

    Parameters
    ----------
    axis
        One axis of a plot; its scale must be set already.
    low, high
        The smallest and the largest value drawn.
    log
        Whether the scale is logarithmic.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if log:
        is_long = 0 < low < high and math.log10(high / low) >= _SHORT_AXIS
        enough = (subs for subs in _TICKS if is_long and _ticks_between(subs, low, high) >= _LEAST_TICKS)
        chosen = next(enough, None)
        if chosen is None:
            axis.set_major_locator(MaxNLocator(nbins=6, min_n_ticks=_LEAST_TICKS, steps=[1, 2, 2.5, 5, 10]))
        else:
            axis.set_major_locator(LogLocator(subs=chosen))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain_number(value)))


def _ticks_between(subs: Sequence[float], low: float, high: float) -> int:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return sum(low <= sub * 10.0**exponent <= high for exponent in exponents for sub in subs)


def plain_number(value: float) -> str:
    """Return a number in plain notation, as in ``0.0005``, ``12.5`` and ``1,024``.

    Examples
    --------
    >>> plain_number(5e-05), plain_number(12.5), plain_number(1024.0), plain_number(2e6)
    ('0.00005', '12.5', '1,024', '2,000,000')
    """
    return f"{value:,.10f}".rstrip("0").rstrip(".")


def ticks_at(ax: Axes, positions: Sequence[int]) -> None:
    """Put ticks on the horizontal axis at the measured sizes, as many as are readable."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ends = ax.transData.transform([(position, 1.0) for position in positions])[:, 0]
    letter = _LETTER_WIDTH * ax.figure.dpi
    shown: list[int] = []
    free_from = -math.inf
    for position, place in zip(positions, ends.tolist(), strict=True):
        half = len(str(position)) / 2 * letter
        if place - half >= free_from:
            shown.append(position)
            free_from = place + half + letter
    ax.xaxis.set_major_locator(FixedLocator(shown))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
