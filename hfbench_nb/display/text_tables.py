"""Tables of plain text, for terminals."""

from __future__ import annotations

from collections.abc import Sequence

from hfbench_nb.rendering.escaping import printable


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    r"""Return the lines of a table.

    Parameters
    ----------
    heads, rows
        The texts, which are escaped.
    sides
        ``<`` or ``>`` for each column: the side at which its texts are aligned.

    Examples
    --------
    >>> print("\n".join(text_table(["Part", "Time"], [["head", "2 ms"], ["norms", "13 ms"]], "<>")))
    Part    Time
    head    2 ms
    norms  13 ms
    """
    table = [[*map(printable, row)] for row in (heads, *rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(heads))]
    return [
        "  ".join(f"{text:{side}{width}}" for text, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in table
    ]
