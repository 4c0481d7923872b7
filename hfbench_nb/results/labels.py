"""Naming the rows of results by what varies among them, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hfbench_nb.arguments.sweep import describe_settings, known_axes
from hfbench_nb.protocol.case import Case, Settings, varying_axes


@dataclass(frozen=True)
class _Label:
    """A label: the model's name with settings in brackets, and the words that stand in parentheses behind it."""

    name: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.words)})" if self.words else self.name


@dataclass(frozen=True)
class Labelled:
    """What the label of a row is made from.

    Attributes
    ----------
    case
        The case.
    settings
        The settings that may be named; those that were left open have the values that they got.
    asked
        The same settings, of which those that were left open stay open.
    environment
        Where it was measured.
    """

    case: Case
    settings: Settings
    asked: Settings
    environment: Mapping[str, Any]


def make_labels(rows: Sequence[Labelled]) -> list[str]:
    """Name each row's model, with whatever distinguishes it from the rows of the same case.

    In results of one run whose axes have one value each, the label is the model's name.  Settings that vary are in
    brackets, as in ``bert-base [bfloat16, 2 threads]``; framework, version of the framework and version of
    Transformers in parentheses if they vary; and where even these are the same, the number of the run.
    """
    versions = _version_words(rows)
    settings = [row.settings for row in rows]
    # Paths are long, and versions that differ because of them are more informative.
    paths = [name for name, axis in known_axes().items() if axis.is_path]
    for named in ([each.without(paths) for each in settings], settings, [row.asked for row in rows]):
        labels = _labels(rows, named, versions)
        if not _are_ambiguous(rows, labels):
            break
    return _numbered(rows, labels)


def _are_ambiguous(rows: Sequence[Labelled], labels: Sequence[_Label]) -> bool:
    """Return whether cases that were asked for with different settings have the same label."""
    found: dict[tuple[Any, ...], list[Settings]] = {}
    for row, label in zip(rows, labels, strict=True):
        found.setdefault((label, *row.case.task_and_sizes), []).append(row.asked)
    return any(varying_axes(of_label) for of_label in found.values())


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
    rows: Sequence[Labelled], settings: Sequence[Settings], versions: Sequence[tuple[str, str]]
) -> list[_Label]:
    described = describe_settings(settings, varying_axes(settings))
    different = [len({words[i] for words in versions}) > 1 for i in range(2)]
    labels = []
    for row, of_row, words in zip(rows, described, versions, strict=True):
        name = f"{row.case.model} [{', '.join(of_row)}]" if of_row else row.case.model
        labels.append(
            _Label(name, tuple(word for word, wanted in zip(words, different, strict=True) if wanted and word))
        )
    return labels


def _numbered(rows: Sequence[Labelled], labels: Sequence[_Label]) -> list[str]:
    """Return the labels as text, with the number of the run in that of a case that occurs more than once."""
    times: Counter[tuple[Any, ...]] = Counter()
    numbered = []
    for row, label in zip(rows, labels, strict=True):
        key = (label, *row.case.task_and_sizes, row.case.settings.without(row.asked))
        times[key] += 1
        run = () if times[key] == 1 else (f"run {times[key]}",)
        numbered.append(str(_Label(label.name, label.words + run)))
    return numbered
