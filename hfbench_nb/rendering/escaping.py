"""Text that comes from elsewhere (names, errors, the environment), made harmless for where it is shown.

HTML is escaped by the templates, which do so by themselves.
"""

from __future__ import annotations

import re

# What makes a spreadsheet take a text for a formula: https://owasp.org/www-community/attacks/CSV_Injection
# Apostrophes in front are part of it, so that one more of them can always be taken away again.
_FORMULA = re.compile(r"['\s]*[=+\-@＝＋－＠]|'*[\t\r\n]")  # noqa: RUF001 - the wide forms count, too


def printable(text: str) -> str:
    r"""Show what does not print (line ends, terminal codes, marks that change the direction of writing) as escapes.

    Examples
    --------
    >>> print(printable("a\x1b[2Jb\nc"))
    a\x1b[2Jb\nc
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """Do the same with each line of a message, and leave the lines."""
    return "\n".join(map(printable, text.split("\n")))


def for_spreadsheet(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would evaluate.

    Examples
    --------
    >>> for_spreadsheet("=1+1"), for_spreadsheet("bert-base")
    ("'=1+1", 'bert-base')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def from_spreadsheet(text: str) -> str:
    """Give back what `for_spreadsheet` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def markdown_code(text: str) -> str:
    r"""Give a text as a code span of GitHub's Markdown, also inside a table.

    In a code span nothing is markup: no link arises, no emphasis, no HTML, and nobody is mentioned.

    Examples
    --------
    >>> print(markdown_code("a_b|c"), markdown_code("a`b"))
    `a_b\|c` ``a`b``
    """
    line = printable(" ".join(text.split()))
    if not line:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}".replace("|", "\\|")
