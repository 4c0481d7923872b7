"""How long each token of a generation takes: the time grows with the context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfbench_nb.display.plots.headings import heading
from hfbench_nb.display.plots.layout import finish, new_axes, set_heading
from hfbench_nb.display.plots.style import clean, from_zero, line_style, plain_text, plain_ticks, series_names
from hfbench_nb.protocol.case import SIZE_NAMES
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.tasks import GENERATION
from hfbench_nb.rendering.units import format_time, time_unit
from hfbench_nb.results.result_set import ResultSet, Row

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

_NEW_TOKENS = "new_tokens"
_SHARES = (0.1, 0.9)
# Number of tokens above which not every one has a marker.
_MARKED = 32


def plot_tokens(results: ResultSet, *, ax: Axes | None = None) -> Axes:
    """Plot the time of each token along the generation, from the second on: a line per case of generation.

    The first token, which takes as long as the prompt needs, is in the legend.

    Parameters
    ----------
    results
        What to plot; the results themselves when called as a method.
    ax
        Axes to draw on; by default those of a new pyplot figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the median over the calls as a line, and a band from the 10 % to the 90 % quantile.

    Raises
    ------
    ArgumentError
        If no time of generation was measured.
    """
    import numpy as np
    import pandas as pd

    labels = results.labels_without([_NEW_TOKENS])
    labelled = [
        (row, label)
        for row, label in zip(results.rows, labels, strict=True)
        if row.case.task == GENERATION and "itl_s" in row.measurement.timings
    ]
    if not labelled:
        raise ArgumentError("There is nothing to show: no time of generation was measured.")
    cases = [row for row, _ in labelled]
    keys = [(label, GENERATION, *row.case.sizes, row.case.settings.get(_NEW_TOKENS)) for row, label in labelled]
    names = series_names(keys, [*SIZE_NAMES, _NEW_TOKENS])
    gaps_s = [_gaps(row) for row in cases]
    scale_s, unit = time_unit(float(np.median(of_case)) for of_case in gaps_s)
    own = ax is None
    ax = new_axes() if ax is None else ax
    for i, (row, name, of_case) in enumerate(zip(cases, names, gaps_s, strict=True)):
        first = format_time(row.measurement.timings["ttft_s"].median_s)
        _draw(ax, of_case / scale_s, plain_text(f"{name} (first: {first})"), i)
    from_zero(ax)
    plain_ticks(ax.yaxis, *ax.get_ylim(), log=False)
    ax.set_xlabel("Token")
    ax.set_ylabel(f"Time of the token ({unit})")
    clean(ax)
    sizes = pd.DataFrame([key[1:] for key in keys], columns=["task", *SIZE_NAMES, _NEW_TOKENS])
    set_heading(ax, heading(results, sizes, sizes.columns[1:]))
    finish(ax, own=own)
    return ax


def _gaps(row: Row) -> np.ndarray:
    """Return the time of each further token, seconds, shape ``(calls, tokens - 1)``."""
    import numpy as np

    timings = row.measurement.timings
    return np.reshape(timings["itl_s"].samples_s, (len(timings["tpot_s"].samples_s), -1))


def _draw(ax: Axes, gaps: np.ndarray, label: str, i: int) -> None:
    import numpy as np

    tokens = np.arange(2, 2 + gaps.shape[1])
    style = line_style(i)
    every = max(1, len(tokens) // _MARKED)
    ax.plot(tokens, np.median(gaps, axis=0), label=label, markersize=4, linewidth=1.4, markevery=every, **style)
    low, high = np.quantile(gaps, _SHARES, axis=0)
    ax.fill_between(tokens, low, high, color=style["color"], alpha=0.15, linewidth=0)
