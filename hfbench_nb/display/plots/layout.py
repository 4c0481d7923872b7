"""Making room for legends and names, so that nothing is covered or cut off, in our figures and in the user's."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

from hfbench_nb.display.plots.shortening import MOST_LETTERS, shorten_all
from hfbench_nb.display.plots.style import FAINT, GREY, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

_WIDTH, _HEIGHT = 7.5, 4.8
"""Size of our figures, inches, before names require more."""
_LEAST_WIDTH, _LEAST_HEIGHT = 4.6, 3.2
"""Minimum size of the axes themselves in our figures, inches."""
_LEAST_PANEL = 4.2
"""Width of one of several axes beside each other, inches."""
TITLE_SIZE = 9.5
"""Of titles, points."""
_LETTER_SHARE = 0.52
"""Width of a letter as a share of its size, on average."""
_LEAST_LETTERS = 20
"""Smallest number of letters in a line of a title."""
_WIDEST_BESIDE = 3.3
"""Width of a legend, inches, above which it is placed below the axes."""
_COLUMN = 30
"""Entries per column of a legend."""
_GAP = 0.08
"""Gap between axes and legend, inches."""
_MORE = 1.08
"""Factor by which a text may become wider when a figure is saved at a different resolution."""

# In the user's figures: the share of the space that a legend may take, and what is tried in turn to stay within it
# (font size in points; number of letters shown of a name).
_SHARE = 0.5
_TRIES = ((8.0, MOST_LETTERS), (7.0, MOST_LETTERS), (7.0, 36), (6.0, 36), (6.0, 24), (5.0, 24), (5.0, 16), (4.0, 16))


def new_axes(height: float = _HEIGHT) -> Axes:
    """Make a pyplot figure, `height` inches high, and return its axes."""
    from matplotlib import pyplot as plt

    _, ax = plt.subplots(figsize=(_WIDTH, height), layout="constrained")
    return ax


def new_panels(count: int, height: float = _HEIGHT, *, share: bool = True) -> list[Axes]:
    """Make a pyplot figure, `height` inches high, with several axes beside each other, which may share their scales."""
    from matplotlib import pyplot as plt

    _, axes = plt.subplots(
        1, count, figsize=(_WIDTH, height), layout="constrained", squeeze=False, sharex=share, sharey=share
    )
    return list(axes[0])


def finish_panels(axes: list[Axes], heading: str) -> None:
    """Add to the panels of our figure one heading and one legend, which names the lines of all, and the room they need.

    Parameters
    ----------
    axes
        Axes with everything drawn and labelled.
    heading
        What is said of all of them.
    """
    figure: Any = axes[0].figure
    found = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.suptitle(heading, fontsize=TITLE_SIZE)
    width = height = 0.0
    if found:
        names = shorten_all([*map(str, found)], MOST_LETTERS)
        given: dict[str, Any] = {"fontsize": 8.5, "frameon": False}
        columns = math.ceil(len(names) / _COLUMN)
        legend = figure.legend(found.values(), names, loc="outside right upper", ncols=columns, **given)
        width = legend.get_window_extent().width / figure.dpi
        if width > _WIDEST_BESIDE:
            legend.remove()
            columns = max(1, int((max(_WIDTH, len(axes) * _LEAST_PANEL) - 0.5) * columns / width))
            legend = figure.legend(found.values(), names, loc="outside lower left", ncols=columns, **given)
            width, height = 0.0, legend.get_window_extent().height / figure.dpi
        else:
            figure.set_figheight(max(figure.get_figheight(), legend.get_window_extent().height / figure.dpi + 0.8))
        grey_out(legend)
    inches = len(axes) * _LEAST_PANEL + width + 0.3
    figure.set_size_inches(max(_WIDTH, inches), figure.get_figheight() + height)
    figure.get_layout_engine().execute(figure)
    beside = sum((around.width - ax.bbox.width) / figure.dpi for ax in axes if (around := ax.get_tightbbox()))
    figure.set_figwidth(max(_WIDTH, inches + beside))
    figure.get_layout_engine().execute(figure)


def grey_out(legend: Any) -> None:
    """Write the names of faint lines in grey."""
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        if getattr(handle, "get_color", lambda: "")() == FAINT:
            text.set_color(GREY)


def set_heading(ax: Axes, heading: str) -> None:
    """Set the title of axes, in as many lines as its width needs, unless they have one."""
    if heading and not ax.get_title():
        letters = int(72 * ax.bbox.width / ax.figure.dpi / (_LETTER_SHARE * TITLE_SIZE))
        ax.set_title(textwrap.fill(plain_text(heading), max(letters, _LEAST_LETTERS)), fontsize=TITLE_SIZE)


def finish(ax: Axes, *, own: bool, legend: bool = True) -> None:
    """Place the legend where it covers no data, and make all texts lie inside the figure.

    Our figures grow.  In the user's figures the axes shrink within their space, unless a layout engine does that
    already, and a legend that would still not fit gets a smaller font and shortened names.

    Parameters
    ----------
    ax
        Axes with everything drawn and labelled.
    own
        Whether the figure is ours.
    legend
        Whether to add a legend of all labelled artists.
    """
    figure: Any = ax.figure
    if legend:
        _legend_of_own(ax) if own else _legend_that_fits(ax)
    if own:
        _grow(ax)
    if figure.get_layout_engine() is None:
        _shrink(ax)
    else:
        # The engine lays out the axes only when drawing, and the number of ticks that fit depends on it. Some cannot
        # lay out a user's figure and raise an error, which drawing ignores.
        figure.figure.draw_without_rendering()


def _legend_of_own(ax: Axes) -> None:
    count = len(ax.get_legend_handles_labels()[1])
    legend = _beside(ax, 8.5, MOST_LETTERS, columns=math.ceil(count / _COLUMN))
    width = _inches(ax, legend)[0]
    if width > _WIDEST_BESIDE:
        _below(ax, 8.5, MOST_LETTERS, columns=max(1, int((_WIDTH - 1) / width)))


def _legend_that_fits(ax: Axes) -> None:
    """Try positions and sizes until the legend takes no more than its share of the axes' space."""
    dpi = ax.figure.dpi
    place = _place(ax)
    width, height = place.width / dpi, place.height / dpi
    for size, letters in _TRIES:
        beside = _inches(ax, _beside(ax, size, letters))
        if beside[0] <= _SHARE * width and beside[1] <= 0.9 * height:
            return
        columns = max(1, int(width / beside[0]))
        below = _inches(ax, _below(ax, size, letters, columns))
        if below[0] <= width and below[1] <= _SHARE * height:
            return


def _beside(ax: Axes, size: float, letters: int, columns: int = 1) -> Legend:
    return _legend(ax, size, letters, columns, across=_GAP, down=0.0, corner=(1.0, 1.0))


def _below(ax: Axes, size: float, letters: int, columns: int) -> Legend:
    under_axes = ax.xaxis.get_tightbbox()
    down = (ax.bbox.y0 - under_axes.y0) / ax.figure.dpi if under_axes is not None else 0.0
    return _legend(ax, size, letters, columns, across=0.0, down=down + _GAP, corner=(0.0, 0.0))


def _legend(
    ax: Axes, size: float, letters: int, columns: int, *, across: float, down: float, corner: tuple[float, float]
) -> Legend:
    """Make the legend, its upper left corner `across` inches right of and `down` inches below a corner of the axes."""
    from matplotlib.transforms import ScaledTranslation

    handles, labels = ax.get_legend_handles_labels()
    offset = ScaledTranslation(across, -down, ax.figure.dpi_scale_trans)
    names = shorten_all([*map(str, labels)], letters)
    legend = ax.legend(
        handles, names, loc="upper left", bbox_to_anchor=corner,
        bbox_transform=ax.transAxes + offset, borderaxespad=0.0, frameon=False, fontsize=size, ncols=columns,
    )  # fmt: skip
    grey_out(legend)
    return legend


def _inches(ax: Axes, artist: Any) -> tuple[float, float]:
    extent = artist.get_window_extent()
    return extent.width / ax.figure.dpi, extent.height / ax.figure.dpi


def _grow(ax: Axes) -> None:
    """Enlarge our figure so that the axes keep their size beside names and legend."""
    figure: Any = ax.figure
    around, legend, dpi = ax.get_tightbbox(), ax.get_legend(), figure.dpi
    if around is None:
        return
    beside = legend is not None and legend.get_window_extent().x0 >= ax.bbox.x1
    legend_height = _inches(ax, legend)[1] if beside else 0.0
    under_axes = 0.0 if beside else (ax.bbox.y0 - around.y0) / dpi
    figure.set_size_inches(
        max(_WIDTH, _LEAST_WIDTH + (around.width - ax.bbox.width) / dpi),
        max(figure.get_figheight(), _LEAST_HEIGHT + under_axes, legend_height + 0.4),
    )


def _shrink(ax: Axes) -> None:
    """Shrink the axes until they and their labels and legend lie within their space in the user's figure."""
    from matplotlib.transforms import Bbox

    figure: Any = ax.figure
    spec = ax.get_subplotspec()
    if spec is not None:
        ax.set_position(spec.get_position(figure))
    place = _place(ax).padded(-0.04 * figure.dpi)
    for _ in range(3):  # smaller axes may have different ticks, with wider labels
        around = ax.get_tightbbox()
        if around is None:
            return
        x0, y0, x1, y1 = ax.bbox.extents
        left = max(0.0, place.x0 - x0 + _MORE * (x0 - around.x0))
        right = max(0.0, x1 + _MORE * (around.x1 - x1) - place.x1)
        low = max(0.0, place.y0 - y0 + _MORE * (y0 - around.y0))
        high = max(0.0, y1 + _MORE * (around.y1 - y1) - place.y1)
        if max(left, right, low, high) < 1:
            return
        # The axes keep at least a sixth of the space, whatever is attached to them.
        x1 = max(x1 - right, x0 + left + place.width / 6)
        y0 = min(y0 + low, y1 - high - place.height / 6)
        drawn_in = Bbox.from_extents(x0 + left, y0, x1, y1 - high)
        ax.set_position(drawn_in.transformed(figure.transSubfigure.inverted()))


def _place(ax: Axes) -> Any:
    """Return the space of the axes in their figure, in pixels: in a grid, their cell and the gaps left of and below it.

    The gaps hold the labels of the axes; a cell at the edge of the grid extends to the edge of the figure.
    """
    from matplotlib.transforms import Bbox

    figure: Any = ax.figure
    spec = ax.get_subplotspec()
    if spec is None:
        return figure.bbox
    bottoms, tops, _, rights = spec.get_gridspec().get_grid_positions(figure)
    last_row, last_column = len(bottoms) - 1, len(rights) - 1
    rows, columns = spec.rowspan, spec.colspan
    cell = Bbox.from_extents(
        rights[columns.start - 1] if columns.start > 0 else 0.0,
        tops[rows.stop] if rows.stop <= last_row else 0.0,
        rights[columns.stop - 1] if columns.stop <= last_column else 1.0,
        tops[rows.start] if rows.start > 0 else 1.0,
    )
    return cell.transformed(figure.transSubfigure)
