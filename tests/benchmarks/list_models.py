"""Write SUPPORTED_MODELS.md from the surveys of one or more versions of Transformers.

``python tests/benchmarks/list_models.py .survey/4 .survey/5``, after ``make survey``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from survey_report import BARE, HARD, KINDS, MEASURED, TASKS, kind, reason

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "SUPPORTED_MODELS.md"

HEAD = """# Model types that were tried

Written by `tests/benchmarks/list_models.py` from what `make survey` has measured; do not edit it. Each type that
Transformers knows was built from its default configuration, made small, and measured in both tasks, batch size 2,
sequence length 16, on a CPU; Transformers' bare model was tried first, so that what cannot run at all is counted apart.
The tests repeat that on every change for the types of `tests/support/tiny.py`, and compare the output of a model built
the fast way with that of a model built in the ordinary way, with the same weights.

Inputs and labels follow the model's main input, its forward pass and its configuration. Another class (a head) is built
if the configuration names it as its architecture.
"""

GENERATION = """\
Types that have a class for it also generated 4 tokens after prompts of 16 (`tests/benchmarks/survey_generation.py`);
the column *generates* names the versions with which they do, or the reason why not:
"""

CANNOT = """
## What cannot be measured, and why

| what | why | what happens |
|:---|:---|:---|
| a length beyond a table of positions (BERT, GPT-2, OPT, BART, Whisper's decoder, CLIP ...) | there are no weights \
for it | `ValueError: sequence_length 1024 is beyond the 512 positions of ...`; rotary and relative positions have \
no limit |
| texts with images whose configuration does not say how many tokens represent an image | the text could not contain \
them | `NotImplementedError`, with the class |
| models whose forward pass needs other inputs (graphs, tables, sessions of a video ...) | the configuration does \
not describe them | `NotImplementedError`, naming the inputs |
| wav2vec 2.0 and similar models in training, fewer frames than `mask_time_length` (10) | the model masks spans of \
that length in training | Transformers' own `ValueError` |
| Reformer in training, a length other than the product of `axial_pos_shape` | its positions have two axes | \
Transformers' own `ValueError` |
| checkpoints with their own code | it runs only with `trust_remote_code=True` | `ValueError`, naming the argument |
| pretraining heads that mask their own input (`Wav2Vec2ForPreTraining`, masked images) | the masks are made outside \
the model | training minimises the mean of the output, and the note says so |
"""


def counts_table(surveys: list[dict[str, Any]]) -> list[str]:
    """Return how many types there are of each kind, by version and task."""
    columns = ["types", *KINDS]
    lines = [f"| Transformers | task | {' | '.join(columns)} | measured of those that run |",
             "|:---|:---|" + "---:|" * (len(columns) + 1)]  # fmt: skip
    for survey in surveys:
        for task, number in survey["counts"].items():
            numbers = " | ".join(str(number[name]) for name in columns)
            lines.append(f"| {survey['transformers']} | {task} | {numbers} | {number['share measured']:.1%} |")
    return lines


def types_table(surveys: list[dict[str, Any]]) -> list[str]:
    """Return a line for each type that runs with any version."""
    versions = [survey["transformers"] for survey in surveys]
    rows = [{row["type"]: row for row in survey["rows"]} for survey in surveys]
    lines = [f"| model type | class | trained | minimised in training | {' | '.join(versions)} | generates | note |",
             "|:---|:---|:---|:---|" + ":---|" * len(versions) + ":---|:---|"]  # fmt: skip
    for model_type in sorted(dict.fromkeys(name for of in rows for name in of)):
        found = [of.get(model_type) for of in rows]
        if not any(row is not None and runs(row) for row in found):
            continue
        newest = next(row for row in reversed(found) if row is not None and runs(row))
        inference, training = (newest.get(task, {}) for task in TASKS)
        told = [inference.get("class", ""), training.get("class", ""), training.get("loss", "")]
        results = [result(row) for row in found]
        note = training.get("note") or inference.get("note", "")
        generated = generates(found, versions)
        lines.append("| " + " | ".join([f"`{model_type}`", *told, *results, generated, short(note)]) + " |")
    return lines


def generation_table(surveys: list[dict[str, Any]]) -> list[str]:
    """Return how many types generate, by version and in all of them."""
    by_version = [{row["type"]: row["generation"] for row in of["rows"] if row.get("generation")} for of in surveys]
    lines = ["| Transformers | types with a class that generates | that generate | with a reason why not |",
             "|:---|---:|---:|---:|"]  # fmt: skip
    named = [(of["transformers"], found) for of, found in zip(surveys, by_version, strict=True)]
    common = set.intersection(*(set(found) for found in by_version))
    both = {
        name: next((f[name] for f in by_version if f[name]["status"] != "ok"), by_version[0][name]) for name in common
    }
    for version, found in [*named, ("each of them", both)]:
        good = sum(each["status"] == "ok" for each in found.values())
        lines.append(f"| {version} | {len(found)} | {good} | {len(found) - good} |")
    return lines


def generates(found: list[dict[str, Any] | None], versions: list[str]) -> str:
    """Return with which versions a type generates, or why it does not; nothing if it has no class for it."""
    tried = [(version, row["generation"]) for version, row in zip(versions, found, strict=True)
             if row is not None and row.get("generation")]  # fmt: skip
    good = [version for version, generation in tried if generation["status"] == "ok"]
    if good or not tried:
        return ", ".join(good)
    return short(f"no: {tried[-1][1].get('error_type', '')}: {tried[-1][1].get('message', '')}")


def runs(row: dict[str, Any]) -> bool:
    """Return whether a type runs in any task, measured or bare."""
    return any(kind(row, task) not in (BARE, HARD) for task in TASKS)


def result(row: dict[str, Any] | None) -> str:
    """Return what became of a type: yes, or which task failed and why."""
    if row is None:
        return "unknown to it"
    failed = [task for task in TASKS if kind(row, task) != MEASURED]
    if not failed:
        return "yes"
    which = "" if len(failed) == len(TASKS) else f" ({failed[0]})"
    return f"no{which}: {short(reason(row, failed[0]))}"


def not_running(survey: dict[str, Any]) -> list[str]:
    """Return the types of one version whose bare model does not run, with what it raised."""
    rows = [row for row in survey["rows"] if not runs(row)]
    lines = [f"\n### Transformers {survey['transformers']}: {len(rows)}\n", "| model type | why |", "|:---|:---|"]
    return [*lines, *(f"| `{row['type']}` | {short(reason(row, TASKS[0]))} |" for row in rows)]


def short(text: str) -> str:
    """Return a text that fits into a table's case."""
    plain = re.sub(r"\s+", " ", text).replace("|", "\\|").strip()
    return plain if len(plain) <= 160 else plain[:157] + "..."


def main(folders: list[str]) -> None:
    """Write the page from the surveys in these folders."""
    surveys = [json.loads((Path(folder) / "survey.json").read_text(encoding="utf-8")) for folder in folders]
    apart = "\n## Types whose bare model does not run\n\nFrom the small default configuration, with plausible inputs."
    lines = [
        HEAD,
        *counts_table(surveys),
        "",
        GENERATION,
        *generation_table(surveys),
        "",
        *types_table(surveys),
        CANNOT.rstrip(),
        apart,
    ]
    TARGET.write_text(
        "\n".join([*lines, *(line for of in surveys for line in not_running(of))]) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
