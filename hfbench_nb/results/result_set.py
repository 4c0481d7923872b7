"""Results as plain data, which tables, plots and files read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfbench_nb.arguments.fields import Axis
from hfbench_nb.arguments.sweep import known_axes
from hfbench_nb.protocol.case import ANY_HOST, HOST, Case, Settings
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.results.environment import Environment, summarize
from hfbench_nb.results.labels import Labelled, make_labels
from hfbench_nb.results.metrics import Metric, headlines

if TYPE_CHECKING:
    import pandas as pd

_NO_AXIS = Axis()


@dataclass(frozen=True)
class Row:
    """One case of a result set.

    Attributes
    ----------
    label
        Name of the model, with what distinguishes it from the same case with other settings, or of another run.
    case, measurement
        What was measured and what came back.
    environment
        Where it was measured.
    """

    label: str
    case: Case
    measurement: Measurement
    environment: Environment

    @property
    def settings(self) -> Settings:
        """The axes of the case, as the worker resolved them."""
        return Settings({**self.requested, **self.measurement.resolved.only(self.case.settings)})

    @property
    def requested(self) -> Settings:
        """The axes of the case as requested; see `requested_settings`."""
        return requested_settings(self.case, self.measurement, self.environment)

    @property
    def shown(self) -> dict[str, Any]:
        """What tables show of the case in addition to its settings, by name: its label, the task and the sizes."""
        return {**self.case.shown, "model": self.label}

    def __str__(self) -> str:
        return str(self.case.of_model(self.label))


def requested_settings(case: Case, measurement: Measurement, environment: Mapping[str, Any]) -> Settings:
    """Return the axes of a case as requested; device and threads that were left open are those of its worker.

    Where no worker has told them, they are those of its environment.

    What a model makes of a default by itself, such as its attention kernel, does not count: rows are labelled and
    matched by what was asked for.
    """
    known = {name: measurement.resolved.get(name, fact) for name, fact in environment.items()}
    open_names = [name for name, value in case.settings.items() if value in (None, "auto") and name in known]
    facts = {name: known[name] for name in open_names if isinstance(known[name], str | int)}
    requested = Settings({**case.settings, **facts})
    return requested.without([HOST]) if requested.get(HOST) == ANY_HOST else requested


def _repeated_axes(
    axes: Mapping[str, Axis], environment: Mapping[str, Any], case: Case, measurement: Measurement
) -> dict[str, Any]:
    """Return the facts of an environment that repeat an axis, as they are in a case: a place may have several values.

    An axis that was left open is not among them where no worker has told its value.
    """
    settings = {
        axes.get(name, _NO_AXIS).fact or name: measurement.resolved.get(name, value)
        for name, value in case.settings.items()
    }
    return {name: value for name, value in settings.items() if name in environment and value not in (None, "auto")}


class ResultSet:
    """The cases of one or more runs, each with the environment in which it was measured.

    Parameters
    ----------
    entries
        The finished cases in the order measured.
    environment
        Facts about machine and framework by name, valid for every entry; in results from several places or runs, a
        fact that differs is the list of its values, and `environments` has the facts for each entry.
    arguments
        The arguments of the run by name; empty if unknown.
    folder
        The folder with the run's journal, or None.
    environments
        The environment of each entry; by default `environment`.
    """

    def __init__(
        self,
        entries: Iterable[tuple[Case, Measurement]],
        environment: Mapping[str, Any],
        arguments: dict[str, Any],
        folder: Path | None = None,
        environments: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.entries: tuple[tuple[Case, Measurement], ...] = tuple(entries)
        self.arguments = arguments
        self.folder = folder
        places = [environment] * len(self.entries) if environments is None else environments
        axes = known_axes()
        repeated = [_repeated_axes(axes, facts, *entry) for facts, entry in zip(places, self.entries, strict=True)]
        self.environments: tuple[Environment, ...] = tuple(
            Environment({**facts, **of_case}) for facts, of_case in zip(places, repeated, strict=True)
        )
        names = {name for of_case in repeated for name in of_case}
        told = ({name: facts[name] for name in names & facts.keys()} for facts in self.environments)
        self.environment = Environment({**environment, **summarize(told)})

    @cached_property
    def labels(self) -> list[str]:
        """The label of each row: the model's name, with the settings, framework and versions that vary."""
        return self.labels_without(())

    def labels_without(self, axes: Iterable[str]) -> list[str]:
        """Return labels that do not mention some axes."""
        left_out = set(axes)
        return make_labels(
            [
                Labelled(
                    case,
                    requested_settings(case, measurement, environment).without(left_out),
                    case.settings.without(left_out),
                    environment,
                )
                for (case, measurement), environment in zip(self.entries, self.environments, strict=True)
            ]
        )

    @property
    def rows(self) -> Iterator[Row]:
        """Each case with its label and its environment."""
        for label, entry, environment in zip(self.labels, self.entries, self.environments, strict=True):
            yield Row(label, *entry, environment)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A tidy DataFrame, one row per case: its identity, a column per axis, status, metrics; NaN where absent.

        Times in seconds, memory in MB of 2^20 bytes; `hfbench_nb.results.metrics.METRICS` lists the metrics.
        """
        from hfbench_nb.results.frame import make_frame

        return make_frame([(row.case, row.measurement, row.settings) for row in self.rows])

    @cached_property
    def rounds(self) -> pd.DataFrame:
        """A DataFrame like `frame`, with one row per round of each case, and its number in the column ``round``."""
        from hfbench_nb.results.frame import make_rounds_frame

        return make_rounds_frame([(row.case, row.measurement, row.settings) for row in self.rows])

    @property
    def tasks(self) -> list[str]:
        """The tasks that have cases, in the order of registration."""
        present = {case.task for case, _ in self.entries}
        return [name for name in TASKS.names if name in present]

    def asked_for(self, group: str) -> bool:
        """Return whether ``speed`` or ``memory`` was measured in this run.

        If the arguments do not say and every case failed, both count as requested.
        """
        has = {
            "speed": any(m.timing is not None for _, m in self.entries),
            "memory": any(m.memory is not None for _, m in self.entries),
        }
        nothing_told = bool(self.entries) and not any(has.values())
        return bool(self.arguments.get(group, has[group] or nothing_told))

    def headlines(self, task: str) -> list[Metric]:
        """Return the metrics that have their own tables for a task: requested ones, and others that were measured."""
        return [
            metric
            for metric in headlines()
            if metric.is_of(task) and (self.asked_for(metric.group) if metric.group else self.is_measured(metric, task))
        ]

    def is_measured(self, metric: Metric, task: str | None = None) -> bool:
        """Return whether a case, of a task or of any, has a metric."""
        of_task = [entry for entry in self.entries if task in (None, entry[0].task)]
        return not all(math.isnan(metric.of(*entry)) for entry in of_task)
