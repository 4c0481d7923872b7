"""Naming the rows of results that were brought together from several runs."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hfbench_nb.protocol.records import Cell, Measurement

Entry = tuple[Cell, Measurement]

_VERSIONS = ("framework_version", "transformers_version")


def make_labels(entries: Sequence[Entry]) -> list[str]:
    """Name each entry's model, with whatever else tells it from an entry of the same cell.

    In results of one run that is the model's name alone.  Otherwise framework, version of the framework and version of
    Transformers are added, those that vary; and where even they are the same, the number of the run.
    """
    versions = {(cell.framework, measurement.details.get("framework_version")) for cell, measurement in entries}
    frameworks = {framework for framework, _ in versions}
    several_versions = len(versions) > len(frameworks)
    facts = [
        (
            f"{cell.framework} {measurement.details.get('framework_version', '') if several_versions else ''}".strip(),
            f"Transformers {measurement.details.get('transformers_version', '')}".strip(),
        )
        for cell, measurement in entries
    ]
    varies = [len({fact[i] for fact in facts}) > 1 for i in range(2)]
    turns: Counter[tuple[Any, ...]] = Counter()
    labels = []
    for (cell, _), fact in zip(entries, facts, strict=True):
        parts = [part for part, wanted in zip(fact, varies, strict=True) if wanted and part]
        key = (cell, fact)
        turns[key] += 1
        if turns[key] > 1:
            parts.append(f"run {turns[key]}")
        labels.append(f"{cell.model} ({', '.join(parts)})" if parts else cell.model)
    return labels


def stamp_versions(entries: Sequence[Entry], environment: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Note the versions of a run's environment with each of its entries, where they are not noted yet."""
    known = {name: environment[name] for name in _VERSIONS if isinstance(environment.get(name), str)}
    return tuple(
        (cell, dataclasses.replace(measurement, details={**known, **measurement.details}))
        for cell, measurement in entries
    )


def merge_facts(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the facts of two runs together: what differs becomes the list of both."""
    merged = dict(one)
    for name, value in other.items():
        if name not in merged or merged[name] == value:
            merged[name] = value
        else:
            before = merged[name] if isinstance(merged[name], list) else [merged[name]]
            merged[name] = before if value in before else [*before, value]
    return merged
