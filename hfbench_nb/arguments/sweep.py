"""From the arguments to the cases of the sweep."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from hfbench_nb.arguments import checks
from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import Axis, axes_of, default_of
from hfbench_nb.arguments.frameworks import FRAMEWORKS, frameworks_with_models
from hfbench_nb.protocol.case import Case, Setting, Settings

# What the original's flag means.
_OF_FP16 = {"dtype": "float16"}


def plan(args: BenchmarkArguments) -> list[Case]:
    """Return the cases in the order in which they are measured.

    The order is the original's: model, batch size, length, task; all settings of a model are measured consecutively.
    Settings that differ only in what a task has no use for are one case of it.
    """
    cases = (
        Case(args.framework, model, task, batch_size, sequence_length, of_task[task])
        for model in args.model_names
        for of_task in _by_task(args)
        for batch_size in args.batch_sizes
        for sequence_length in args.sequence_lengths
        for task in args.tasks
    )
    return list(dict.fromkeys(cases))


def _by_task(args: BenchmarkArguments) -> list[dict[str, Settings]]:
    """Return, for each combination of the axes' values, the settings that each task has of it."""
    foreign = {task: foreign_axes(axes_of(args), task) for task in args.tasks}
    return [{task: settings.without(names) for task, names in foreign.items()} for settings in combinations(args)]


def foreign_axes(axes: Mapping[str, Axis], task: str) -> list[str]:
    """Return the names of the axes that do not concern a task."""
    return [name for name, axis in axes.items() if not axis.concerns(task)]


def combinations(args: BenchmarkArguments) -> list[Settings]:
    """Return every combination of the axes' values that does not contradict itself."""
    values: dict[str, list[Setting]] = {name: checks.values_of_axis(args, name) for name in axes_of(args)}
    if args.fp16:
        values |= {name: [value] for name, value in _OF_FP16.items()}
    combined = (dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values()))
    return [Settings(chosen) for chosen in combined if not args.contradiction(chosen)]


def computed_dtype(settings: Mapping[str, Setting]) -> str:
    """Return the data type that a case computes in: that of autocast, where it is on, or that of its weights."""
    autocast = settings.get("autocast")
    return str(settings.get("dtype", "float32") if autocast in (None, "none") else autocast)


def known_axes() -> dict[str, Axis]:
    """Return the axes of all registered frameworks by name."""
    return {
        name: axis
        for framework in frameworks_with_models()
        for name, axis in axes_of(framework.arguments_class).items()
    }


def describe_settings(settings: Iterable[Settings], names: Sequence[str]) -> list[list[str]]:
    """Return, for each settings, the words for the values of some axes, as far as it has them."""
    axes = known_axes()
    return [[axes.get(name, Axis()).describe(name, each[name]) for name in names if name in each] for each in settings]


def completed(case: Case, arguments: Mapping[str, Any]) -> Case:
    """Return a case with all axes of its framework, including those that an earlier version did not record or have.

    Parameters
    ----------
    case
        The case as it was written.
    arguments
        The arguments of its run, by name; an axis that is not among them has its default.
    """
    if case.framework not in FRAMEWORKS or FRAMEWORKS[case.framework].arguments is None or not arguments:
        return case
    kind = FRAMEWORKS[case.framework].arguments_class
    defaults: dict[str, Any] = {
        found.name: _first(default_of(found))
        for found in fields(kind)
        if found.metadata["axis"] is not None and found.metadata["axis"].concerns(case.task)
    }
    told = {name: arguments[name] for name in defaults if _is_setting(arguments.get(name, defaults))}
    if arguments.get("fp16") is True:
        told |= _OF_FP16
    return replace(case, settings=Settings({**defaults, **told, **case.settings}))


def _first(default: Any) -> Setting:
    """Return the value that cases had before the axis took several."""
    value: Setting = default[0] if isinstance(default, list) else default
    return value


def _is_setting(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | None)
