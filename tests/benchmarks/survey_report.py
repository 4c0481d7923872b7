"""What a survey found: counts, and each remaining reason."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

TASKS = ("inference", "training")
MEASURED, REASON, INTERNAL, BARE, HARD = "measured", "reason", "internal", "bare model does not run", "no model class"
KINDS = (MEASURED, REASON, INTERNAL, BARE, HARD)

# Exceptions that come from the code of the tool or of a model, and tell a user nothing about what to do.
_INTERNAL_TYPES = {
    "AttributeError", "KeyError", "IndexError", "TypeError", "UnboundLocalError", "AssertionError", "NameError",
    "ZeroDivisionError", "RecursionError", "StopIteration",
}  # fmt: skip
_INTERNAL_MESSAGE = re.compile(
    r"shape|size mismatch|must match|mat1|size of tensor|Sizes of tensors|index out of range|out of bounds|Expected|"
    r"expected|broadcast|dimension|not enough values|too many values|invalid for input|unexpected keyword|stack expects"
)
_NO_CLASS = "ValueError: no model class"


def kind(row: dict[str, Any], task: str) -> str:
    """Return what a row says of a task, one of `KINDS`."""
    found = row.get(task, {})
    bare = row["bare"]
    if found.get("status") == "ok":
        return MEASURED
    if bare.get("error", "").startswith(_NO_CLASS):
        return HARD
    if "error" in bare:
        runs = any(row.get(other, {}).get("status") == "ok" for other in TASKS)  # called wrongly, then
    else:
        runs = task == "inference" or bare["trains"]
    if not runs:
        return BARE
    if found.get("status") in ("crashed", "refused"):
        return INTERNAL
    return INTERNAL if is_internal(found.get("error_type", ""), found.get("message", "")) else REASON


def is_internal(error_type: str, message: str) -> bool:
    """Return whether an error is an internal exception and no answer to a user."""
    if error_type in _INTERNAL_TYPES:
        return True
    return error_type in ("RuntimeError", "ValueError") and bool(_INTERNAL_MESSAGE.search(message))


def line(row: dict[str, Any]) -> str:
    """Return a row as a line for the terminal."""
    kinds = [kind(row, task) for task in TASKS]
    why = next((reason(row, task) for task in TASKS if kind(row, task) != MEASURED), "")
    return f"{row['type']} ({row['level']}, {row.get('seconds', 0):g} s): {', '.join(kinds)}. {why[:160]}"


def counts(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return how many types are of each kind, by task, and the share measured of those whose bare model runs."""
    found: dict[str, dict[str, Any]] = {}
    for task in TASKS:
        number = Counter(kind(row, task) for row in rows)
        runs = sum(number[name] for name in (MEASURED, REASON, INTERNAL))
        found[task] = {**{name: number[name] for name in KINDS}, "types": len(rows), "bare runs": runs}
        found[task]["share measured"] = round(number[MEASURED] / runs, 4) if runs else 0.0
    return found


def counts_text(rows: list[dict[str, Any]]) -> str:
    """Return the counts as a Markdown table."""
    header = ["task", "types", *KINDS, "bare runs", "share measured"]
    lines = ["| " + " | ".join(header) + " |", "|:---|" + "---:|" * (len(header) - 1)]
    for task, number in counts(rows).items():
        lines.append(f"| {task} | " + " | ".join(str(number[name]) for name in header[1:]) + " |")
    return "\n".join(lines)


def read_rows(file: Path) -> list[dict[str, Any]]:
    """Return the last row of each type."""
    rows: dict[str, dict[str, Any]] = {}
    for text in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        row = json.loads(text)
        rows[row["type"]] = row
    return list(rows.values())


def write(rows: list[dict[str, Any]], version: str, folder: Path) -> None:
    """Write ``survey.json`` and ``survey.md``."""
    plain = {"transformers": version, "counts": counts(rows), "rows": rows}
    (folder / "survey.json").write_text(json.dumps(plain, indent=1), encoding="utf-8")
    parts = [f"# Transformers {version}\n", counts_text(rows)]
    for wanted in (INTERNAL, REASON, BARE, HARD):
        named = [row for row in rows if wanted in [kind(row, task) for task in TASKS]]
        parts.append(f"\n## {wanted}: {len(named)}\n\n| type | task | why |\n|:---|:---|:---|")
        for row in named:
            tasks = [task for task in TASKS if kind(row, task) == wanted]
            why = reason(row, tasks[0]).replace("|", "\\|")[:300]
            parts.append(f"| `{row['type']}` | {', '.join(tasks)} | {why} |")
    (folder / "survey.md").write_text("\n".join(parts) + "\n", encoding="utf-8")


def reason(row: dict[str, Any], task: str) -> str:
    """Return why a task has no metrics, as one line."""
    found, bare = row.get(task, {}), row["bare"]
    if kind(row, task) in (BARE, HARD):
        text = bare.get("error") or bare.get("training_error", "")
    else:
        text = f"{found['error_type']}: {found['message']}" if "error_type" in found else found.get("status", "")
    return re.sub(r"\s+", " ", text)
