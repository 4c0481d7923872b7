"""What a plot says above it: what all of its cases have in common, framework and device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.results.setup import describe_setup

if TYPE_CHECKING:
    import pandas as pd


def heading(results: ResultSet, cases: pd.DataFrame, sizes: Iterable[str]) -> str:
    """Return the heading of a plot.

    Parameters
    ----------
    results
        The results.
    cases
        The cases that are drawn, with the columns ``task`` and `sizes`.
    sizes
        Which sizes are told if they have one value.
    """
    return _sentence([*in_common(cases, sizes), describe_setup(results, short=True)])


def heading_of_ratios(cases: pd.DataFrame) -> str:
    """Return the heading of a plot of ratios, whose two sides may differ in framework and device."""
    return _sentence(in_common(cases, ["batch_size"]))


def in_common(cases: pd.DataFrame, sizes: Iterable[str]) -> list[str]:
    """Return the task and the sizes that all cases have, in words."""
    tasks = list(dict.fromkeys(cases["task"]))
    values = {name: cases[name].dropna().unique() for name in sizes}
    shared = [f"{name.replace('_', ' ')} {found[0]:g}" for name, found in values.items() if len(found) == 1]
    return [*(tasks if len(tasks) == 1 else []), *shared]


def _sentence(parts: Iterable[str]) -> str:
    told = ", ".join(filter(None, parts))
    return told[:1].upper() + told[1:]
