"""Escaping untrusted text (names, errors, the environment) for the place where it is shown.

HTML is escaped by the templates themselves.
"""

from __future__ import annotations

import re
import sys

# Text that a spreadsheet would treat as a formula: https://owasp.org/www-community/attacks/CSV_Injection
# Leading apostrophes are part of the pattern, so that an added one can always be removed again.
_FORMULA = re.compile(r"['\s]*[=+\-@＝＋－＠]|'*[\t\r\n]")  # noqa: RUF001 - the wide forms count, too


def printable(text: str) -> str:
    r"""Replace unprintable characters (line ends, terminal codes, marks of writing direction) by escapes.

    Examples
    --------
    >>> print(printable("a\x1b[2Jb\nc"))
    a\x1b[2Jb\nc
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """Apply `printable` to each line of a message, keeping the line ends."""
    return "\n".join(map(printable, text.split("\n")))


# What tables and texts use beyond ASCII, and what says the same within it.
_IN_ASCII = str.maketrans(
    {
        "±": "+/-",
        "²": "^2",
        "µ": "u",
        "∞": "inf",
        "…": "...",
        "\N{WARNING SIGN}": "(!)",
        "\N{VARIATION SELECTOR-15}": "",
    }
)


def for_stdout(text: str) -> str:
    r"""Return a text that standard output can show: where it knows ASCII or cp1252 alone, `print` would fail.

    Our own signs are spelt out, anything else is escaped.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding, getattr(sys.stdout, "errors", None) or "strict")
    except UnicodeEncodeError:
        return text.translate(_IN_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def for_spreadsheet(text: str) -> str:
    """Prefix a text that a spreadsheet would evaluate with an apostrophe.

    Examples
    --------
    >>> for_spreadsheet("=1+1"), for_spreadsheet("bert-base")
    ("'=1+1", 'bert-base')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def from_spreadsheet(text: str) -> str:
    """Return the text that was passed to `for_spreadsheet`."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def markdown_code(text: str) -> str:
    r"""Return a text as a code span of GitHub's Markdown that also works inside a table.

    Nothing in a code span is markup: no links, emphasis, HTML or mentions.

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


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "µ": r"$\mu$",
        "²": "$^2$",
        "∞": r"$\infty$",
        "…": r"\ldots{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": "{[}",  # at the start of a row it would be an option of the line end before
        "]": "{]}",
        **{sign: rf"\{sign}" for sign in "&%$#_{}"},
    }
)


def latex(text: str) -> str:
    r"""Return a text as LaTeX that sets it unchanged.

    Examples
    --------
    >>> print(latex("100 % of a_b"))
    100 \% of a\_b
    """
    return printable(text).translate(_LATEX)
