"""The cases that two result sets have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hfbench_nb.analysis.ratios import Pair
from hfbench_nb.arguments.sweep import known_axes
from hfbench_nb.protocol.case import SIZE_NAMES, Case, varying_axes
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.results.result_set import ResultSet, Row


def match_cases(
    results: ResultSet, other: ResultSet, models: Mapping[str, str]
) -> tuple[list[Pair], list[Row], list[Row]]:
    """Pair the cases of two result sets by model, task, batch size, sequence length and the axes that vary.

    An axis with a single value in each set, such as a different data type in each, is what is compared: cases need
    not agree in it.

    Parameters
    ----------
    results, other
        The two result sets.
    models
        Names of models in `results`, with their names in `other`.

    Returns
    -------
    tuple of list
        The pairs, and the cases found in only one of the sets.

    Raises
    ------
    ArgumentError
        If nothing matches, `models` names a model that is not there, or a case could have several counterparts.
    """
    mine, theirs = list(results.rows), list(other.rows)
    translated = _translate({row.case.model for row in mine}, {row.case.model for row in theirs}, models)
    axes = _varying(mine) | _varying(theirs)
    known: dict[Case, list[Row]] = {}
    for row in theirs:
        known.setdefault(_place(row.case, row.case.model), []).append(row)
    pairs, alone = [], []
    for row in mine:
        place = _place(row.case, translated.get(row.case.model, ""))
        candidates = [each for each in known.get(place, []) if _agree(row, each, axes)]
        if candidates:
            pairs.append(Pair(row, _counterpart(row, candidates)))
        else:
            alone.append(row)
    if not pairs:
        raise ArgumentError(
            f"The two have no case in common: {_describe(mine)} here, {_describe(theirs)} there. Cases match by model, "
            "task, batch size, sequence length and the axes that vary; models={'name here': 'name there'} matches "
            "names that differ.",
            "other",
        )
    taken = {id(pair.other) for pair in pairs}
    return pairs, alone, [row for row in theirs if id(row) not in taken]


def _place(case: Case, model: str) -> Case:
    """Return what cases are matched by, apart from the axes: a case without framework and settings."""
    return Case("", model, *case.task_and_sizes)


def _varying(rows: Sequence[Row]) -> set[str]:
    """Return the names of the axes with several values, except paths, for which the versions are compared."""
    axes = known_axes()
    varying = varying_axes(row.requested for row in rows)
    return {name for name in varying if not (name in axes and axes[name].is_path)}


def _agree(row: Row, other: Row, axes: Iterable[str]) -> bool:
    """Return whether two cases have the same settings, as far as both are known."""
    mine, theirs = row.requested, other.requested
    return all(mine[name] == theirs[name] for name in axes if name in mine and name in theirs)


def _translate(mine: set[str], theirs: set[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return each model's name in the other set: as given, identical, or equal up to organisation and letter case."""
    for here, there in given.items():
        for name, allowed in ((here, mine), (there, theirs)):
            if name not in allowed:
                raise wrong_value("models", dict(given), f"of {', '.join(sorted(mine))} to {', '.join(sorted(theirs))}")
    plain: dict[str, list[str]] = {}
    for name in sorted(theirs):
        plain.setdefault(_plain(name), []).append(name)
    names = {}
    for name in mine:
        close = plain.get(_plain(name), [])
        if name in given:
            names[name] = given[name]
        elif name in theirs:
            names[name] = name
        elif len(close) == 1:
            names[name] = close[0]
    return names


def _plain(name: str) -> str:
    return name.rsplit("/", 1)[-1].lower()


def _counterpart(row: Row, candidates: list[Row]) -> Row:
    if len(candidates) > 1:
        candidates = [each for each in candidates if each.case.framework == row.case.framework] or candidates
    if len(candidates) > 1:
        labels = ", ".join(candidate.label for candidate in candidates)
        raise ArgumentError(
            f"other has the case {row.case} {len(candidates)} times ({labels}): compare with one run.", "other"
        )
    return candidates[0]


def _describe(rows: Sequence[Row]) -> str:
    """Describe briefly what a result set contains."""
    if not rows:
        return "nothing"
    models = sorted({row.case.model for row in rows})
    tasks = sorted({row.case.task for row in rows})
    sizes = (sorted({getattr(row.case, size) for row in rows} - {None}) for size in SIZE_NAMES)
    batch_sizes, lengths = (", ".join(map(str, found)) or "none" for found in sizes)
    named = ", ".join(models[:5]) + ", …" * (len(models) > 5)
    return f"{named} ({', '.join(tasks)}; batch sizes {batch_sizes}; sequence lengths {lengths})"
