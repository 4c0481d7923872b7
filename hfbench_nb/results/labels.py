"""Naming the rows of results by what varies among them, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hfbench_nb.arguments.fields import Axis
from hfbench_nb.arguments.sweep import known_axes
from hfbench_nb.protocol.case import Case, Settings, varying_axes


@dataclass(frozen=True)
class Labelled:
    """What the label of a row is made from: its case, the settings that may be named, and its environment."""

    case: Case
    settings: Settings
    environment: Mapping[str, Any]


def make_labels(rows: Sequence[Labelled]) -> list[str]:
    """Name each row's model, with whatever distinguishes it from the rows of the same case.

    In results of one run whose axes have one value each, the label is the model's name.  Settings that vary are in
    brackets, as in ``bert-base [bfloat16, 2 threads]``; framework, version of the framework and version of
    Transformers in parentheses if they vary; and where even these are the same, the number of the run.
    """
    axes = known_axes()
    varying = varying_axes(row.settings for row in rows)
    # Paths are long, and versions that differ because of them are more informative.
    short = [name for name in varying if not axes.get(name, Axis()).is_path]
    versions = _version_words(rows)
    labels = _labels(rows, short, axes, versions)
    places = Counter(
        (label, row.case.task, row.case.batch_size, row.case.sequence_length)
        for label, row in zip(labels, rows, strict=True)
    )
    if short != varying and max(places.values(), default=1) > 1:
        labels = _labels(rows, varying, axes, versions)
    return _numbered(rows, labels, versions)


def _version_words(rows: Sequence[Labelled]) -> list[tuple[str, str]]:
    """Return framework, with its version where several versions of one are there, and Transformers, for each row."""
    versions = {(row.case.framework, _fact(row, "framework_version")) for row in rows}
    several_versions = len(versions) > len({framework for framework, _ in versions})
    return [
        (
            f"{row.case.framework} {_fact(row, 'framework_version') if several_versions else ''}".strip(),
            f"Transformers {_fact(row, 'transformers_version')}" if _fact(row, "transformers_version") else "",
        )
        for row in rows
    ]


def _fact(row: Labelled, name: str) -> str:
    value = row.environment.get(name, "")
    return value if isinstance(value, str) else ""


def _labels(
    rows: Sequence[Labelled], varying: Sequence[str], axes: Mapping[str, Axis], versions: Sequence[tuple[str, str]]
) -> list[str]:
    different = [len({words[i] for words in versions}) > 1 for i in range(2)]
    labels = []
    for row, words in zip(rows, versions, strict=True):
        settings = [
            axes.get(name, Axis()).describe(name, row.settings[name]) for name in varying if name in row.settings
        ]
        named = [word for word, wanted in zip(words, different, strict=True) if wanted and word]
        label = row.case.model
        label += f" [{', '.join(settings)}]" if settings else ""
        labels.append(label + (f" ({', '.join(named)})" if named else ""))
    return labels


def _numbered(rows: Sequence[Labelled], labels: Sequence[str], versions: Sequence[tuple[str, str]]) -> list[str]:
    """Add the number of the run to the label of a case that occurs more than once."""
    times: Counter[tuple[Any, ...]] = Counter()
    numbered = []
    for row, label, words in zip(rows, labels, versions, strict=True):
        key = (row.case.of_model(label), words)
        times[key] += 1
        if times[key] == 1:
            numbered.append(label)
        else:
            run = f"run {times[key]}"
            numbered.append(
                f"{label[:-1]}, {run})" if label.endswith(")") and label != row.case.model else f"{label} ({run})"
            )
    return numbered
