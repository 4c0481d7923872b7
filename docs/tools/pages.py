"""Write the pages of the site into build/docs: those of docs/, the notebooks, and texts at the top level.

In the sources, links lead from file to file, so that they work on GitHub, too; in the pages they lead from page to
page, and the site's generator checks them.  A link to a file that has no page leads to the repository.
"""

from __future__ import annotations

import base64
import functools
import json
import posixpath
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "build" / "docs"
REPOSITORY = "https://github.com/hfbench/hfbench-nb"

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|[#/])([^)#\s]+)")
_FENCE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1", re.MULTILINE | re.DOTALL)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class BrokenLinks(Exception):
    """Links that lead to no file, a line each."""


def pages() -> dict[str, str]:
    """Return the path of each page or image within the site, by the path of its source within the repository."""
    docs = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*")) if path.is_file()]
    return {
        **{source: source.removeprefix("docs/") for source in docs if not source.startswith("docs/tools/")},
        **{f"notebooks/{path.name}": f"notebooks/{path.name}" for path in sorted(ROOT.glob("notebooks/*.png"))},
        **{f"notebooks/{path.name}": f"notebooks/{path.stem}.md" for path in sorted(ROOT.glob("notebooks/*.ipynb"))},
        "CHANGELOG.md": "changelog.md",
        "CONTRIBUTING.md": "contributing.md",
        "SUPPORTED_MODELS.md": "supported-models.md",
    }


def write(target: Path) -> None:
    """Write the pages into a folder, in place of what it holds.

    Raises
    ------
    BrokenLinks
        If a link leads to no file of the repository.
    """
    shutil.rmtree(target, ignore_errors=True)
    known, broken = pages(), []
    for source, page in known.items():
        path, place = ROOT / source, target / page
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix != ".md":
            shutil.copy(path, place)
            continue
        lost: list[str] = []
        text = path.read_text(encoding="utf-8")
        to_pages = functools.partial(_with_links_to_pages, source=source, page=page, known=known, lost=lost)
        parts = _parts_of(json.loads(text), place, to_pages) if path.suffix == ".ipynb" else [to_pages(text)]
        place.write_text("\n\n".join(parts), encoding="utf-8")
        broken += [f"{source}: {link}" for link in lost]
    if broken:
        raise BrokenLinks("\n".join(broken))


def _with_links_to_pages(text: str, source: str, page: str, known: Mapping[str, str], lost: list[str]) -> str:
    """Return the text of a page whose links lead to pages; those that lead nowhere are added to `lost`."""

    def leads_to(found: re.Match[str]) -> str:
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[1]))
        if wanted in known:
            return posixpath.relpath(known[wanted], posixpath.dirname(page) or ".")
        if not (ROOT / wanted).exists():
            lost.append(found[1])
        return f"{REPOSITORY}/blob/main/{wanted}"

    return _outside_code(text, lambda part: _LINK.sub(leads_to, part))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a text in which all but the blocks of code is changed."""
    parts, end = [], 0
    for block in _FENCE.finditer(text):
        parts += [change(text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, change(text[end:])])


def _parts_of(notebook: dict[str, Any], place: Path, with_links: Callable[[str], str]) -> Iterator[str]:
    """Return the cells of a notebook and their stored outputs as Markdown; images are written beside the page."""
    images = 0
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] != "code":
            yield with_links(text)
            continue
        yield _as_code(text)
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "text/html" in data:
                shown = re.sub(r"\n\s*\n", "\n", "".join(data["text/html"]))
            elif "image/png" in data:
                images += 1
                name = f"{place.stem}-{images}.png"
                place.with_name(name).write_bytes(base64.b64decode("".join(data["image/png"])))
                yield f"![Plot]({name})"
                continue
            else:
                told = "".join(data.get("text/plain", output.get("text", "")))
                shown = f"<pre><code>{escape(_ANSI.sub('', told))}</code></pre>"
            yield f'<div class="notebook-output">\n{shown}\n</div>'


def _as_code(text: str) -> str:
    """Return Python code as a block, whose fence is longer than any within."""
    longest = max(map(len, re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}python\n{text}\n{fence}"


if __name__ == "__main__":
    try:
        write(TARGET)
    except BrokenLinks as error:
        sys.exit(f"Links that lead to no file:\n{error}")
