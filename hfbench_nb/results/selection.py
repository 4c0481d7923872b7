"""Some rows of a result set, chosen by model or by settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.rendering.suggestions import did_you_mean
from hfbench_nb.results.result_set import ResultSet, Row


def select(results: ResultSet, key: str | Mapping[str, Any]) -> list[int]:
    """Return the positions of the rows that a key selects.

    Parameters
    ----------
    results
        The results.
    key
        The name of a model, or the label of rows; or values of ``framework``, ``model``, ``task``, ``batch_size``,
        ``sequence_length``, ``status`` and axes by name, each one value or a list of those that count. In texts, case
        does not count, and of a model the part behind the slash is enough, unless one is spelt exactly so.

    Raises
    ------
    ArgumentError
        If the key is of another kind, names something that rows do not have, or selects nothing.
    """
    rows = list(results.rows)
    if isinstance(key, str):
        names = [(row.label, row.case.model) for row in rows]
        wanted = _meant([key], [name for both in names for name in both])
        found = [i for i, both in enumerate(names) if not wanted.isdisjoint(both)]
        if not found:
            raise wrong_value(
                "key", key, f"one of {_listed(name for label, model in names for name in (model, label))}"
            )
        return found
    if not isinstance(key, Mapping) or not key:
        raise wrong_value("key", key, "the name of a model, or settings as in {'dtype': 'float32'}")
    facts = [_facts(row) for row in rows]
    kept = list(range(len(rows)))
    for name, given in key.items():
        known = [fact[name] for fact in facts if name in fact]
        if not known:
            there = list(dict.fromkeys(name for fact in facts for name in fact))
            raise ArgumentError(
                f"key={dict(key)!r} cannot be used: no row has {name!r}; there are {_listed(there)}."
                f"{did_you_mean(str(name), there, most=1)}"
            )
        wanted = _meant(list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given], known)
        kept = [i for i in kept if name in facts[i] and facts[i][name] in wanted]
        if not kept:
            raise ArgumentError(f"key={dict(key)!r} cannot be used: {name} is one of {_listed(known)} in these rows.")
    return kept


def _meant(given: Iterable[Any], known: Sequence[Any]) -> set[Any]:
    """Return the known values that are given: exactly so, or else those that differ in case or before a slash."""
    exact, loose = {value for value in known if value in given}, set()
    for value in known:
        spellings = {value.casefold(), value.casefold().rpartition("/")[2]} if isinstance(value, str) else set()
        loose |= {
            value for text in given if isinstance(text, str) and text not in exact and text.casefold() in spellings
        }
    return exact | loose


def _facts(row: Row) -> dict[str, Any]:
    return {**row.case.identity, "status": row.measurement.status, **row.settings}


def _listed(values: Iterable[Any]) -> str:
    found: Sequence[Any] = list(dict.fromkeys(values))
    return ", ".join(map(repr, found))
