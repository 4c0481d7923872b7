"""Write the tables of docs/reference/arguments.md, from the fields of the argument dataclasses and their metadata."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from hfbench_nb import PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import MORE, default_of
from support.places import ROOT

PAGE = ROOT / "docs" / "reference" / "arguments.md"
_HEAD = ["| argument | meaning | default |", "|:---|:---|:---|"]
_FIRST = ["Models and inputs", "Sizes", "Measure"]
_TABLES = re.compile(r"(<!-- tables -->\n).*?(?=<!-- end of tables -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """Return the text of the page with the tables as they must be."""
    common = {found.name for found in dataclasses.fields(BenchmarkArguments)}
    parts = ["\n## For both frameworks\n", *_tables(BenchmarkArguments, common)]
    for kind in (PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments):
        own = {found.name for found in dataclasses.fields(kind)} - common
        parts += [f"## For {kind.framework} only\n", *_tables(kind, own)]
    return _TABLES.sub(lambda found: found[1] + "\n".join(parts), page)


def _tables(kind: type, names: set[str]) -> list[str]:
    """Return a table per group, those that one looks for first at the top."""
    groups: dict[str, list[str]] = {group: [] for group in _FIRST}
    for found in dataclasses.fields(kind):
        if found.name in names:
            group = found.metadata["group"]
            groups.setdefault(group, []).append(_row(found))
    others = groups.pop(MORE, [])
    lines = []
    for group, rows in {**groups, MORE: others}.items():
        if rows:
            lines += [f"### {group}", "", *_HEAD, *rows, ""]
    return lines


def _row(found: dataclasses.Field[Any]) -> str:
    default = f"{found.metadata['timestamped']}_<time>.csv" if "timestamped" in found.metadata else default_of(found)
    help_text = found.metadata["help"].replace("|", r"\|")
    return f"| `{found.name}` | {help_text} | `{default!r}` |"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
