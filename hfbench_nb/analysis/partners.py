"""The cases of one run beside their partners: the same case of another model, or with another setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hfbench_nb.analysis.ratios import Pair
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import ArgumentError, shown, wrong_value
from hfbench_nb.rendering.suggestions import did_you_mean
from hfbench_nb.results.result_set import ResultSet, Row


def pair_with_partners(
    results: ResultSet, to: str | Mapping[str, Any], parameter: str = "to"
) -> tuple[list[Pair], list[Row]]:
    """Pair each case with its partner in the same results.

    Parameters
    ----------
    results
        The results of one run.
    to
        The model, or the label, that the others are compared with; or settings, as in ``{"dtype": "float32"}``.
    parameter
        What errors call it.

    Returns
    -------
    tuple of list
        The pairs, and the cases without a partner.

    Raises
    ------
    ArgumentError
        If no case has what `to` names, or a case has several partners.
    """
    rows = list(results.rows)
    if isinstance(to, str):
        partners, found = _by_name(rows, to), [row for row in rows if to in (row.label, row.case.model)]
    elif isinstance(to, Mapping) and to:
        partners, found = _by_settings(rows, to), [row for row in rows if _has(row, to)]
    else:
        raise wrong_value(parameter, to, "the name of a model, or settings as in {'dtype': 'float32'}")
    if not found:
        raise _nothing_found(rows, to, parameter)
    pairs, alone = [], []
    for row, candidates in zip(rows, partners, strict=True):
        if any(row is each for each in found):
            continue
        if len(candidates) > 1:
            labels = ", ".join(each.label for each in candidates)
            raise ArgumentError(
                f"{parameter}={to!r} cannot be used: {row} has several partners ({labels}); name one of them."
            )
        if candidates:
            pairs.append(Pair(row, candidates[0], is_of_one_run=True))
        else:
            alone.append(row)
    if not pairs:
        raise ArgumentError(f"{parameter}={to!r} cannot be used: no case differs from it in that alone.", parameter)
    return pairs, alone


def _by_name(rows: Sequence[Row], name: str) -> list[list[Row]]:
    labelled = [row for row in rows if row.label == name]
    if labelled:  # a label names the settings, too
        return [[each for each in labelled if each.case.task_and_sizes == row.case.task_and_sizes] for row in rows]
    of_model = [row for row in rows if row.case.model == name]
    return [[each for each in of_model if each.case == row.case.of_model(name)] for row in rows]


def _by_settings(rows: Sequence[Row], to: Mapping[str, Any]) -> list[list[Row]]:
    return [
        [
            each
            for each in rows
            if _has(each, to) and each.case == replace(row.case, settings=_with(row.case.settings, each, to))
        ]
        for row in rows
    ]


def _with(settings: Settings, partner: Row, to: Mapping[str, Any]) -> Settings:
    """Return settings with the partner's values of those that are named, as the partner's case has them."""
    return Settings({**settings, **partner.case.settings.only(to)})


def _has(row: Row, to: Mapping[str, Any]) -> bool:
    """Return whether a case has settings, as requested or as the worker resolved them."""
    return all(
        name in row.case.settings and any(_is(settings[name], value) for settings in (row.case.settings, row.settings))
        for name, value in to.items()
    )


def _is(value: Any, other: Any) -> bool:
    return bool(value == other and isinstance(value, bool) == isinstance(other, bool))


def _nothing_found(rows: Sequence[Row], to: str | Mapping[str, Any], parameter: str) -> ArgumentError:
    """Return the error for what no case has; of settings, it says which values there are."""
    if isinstance(to, str) or not rows:
        names = [name for row in rows for name in (row.label, row.case.model)]
        return wrong_value(parameter, to, f"one of {_what_there_is(rows)}", did_you_mean(str(to), names, most=3))
    refused = f"{parameter}={shown(dict(to))} cannot be used:"
    for name, value in to.items():
        if not any(name in row.case.settings for row in rows):
            known = sorted({each for row in rows for each in row.case.settings})
            hint = did_you_mean(str(name), known, most=3)
            return ArgumentError(
                f"{refused} no case has a setting {name!r}; there are {', '.join(known) or 'none'}.{hint}", parameter
            )
        if not any(_has(row, {name: value}) for row in rows):
            there = dict.fromkeys(repr(row.settings[name]) for row in rows if name in row.case.settings)
            return ArgumentError(f"{refused} {name} must be {' or '.join(there)}, as in these results.", parameter)
    return ArgumentError(f"{refused} no case has all of these settings.", parameter)


def _what_there_is(rows: Sequence[Row]) -> str:
    labels = dict.fromkeys(row.label for row in rows)
    values: dict[str, dict[str, None]] = {}
    for row in rows:
        for name, value in row.settings.items():
            values.setdefault(name, {})[repr(value)] = None
    varying = [f"{{{name!r}: {value}}}" for name, found in values.items() if len(found) > 1 for value in found]
    return ", ".join([*map(repr, labels), *varying]) or "the cases, of which there are none"
