"""Some rows of a result set, chosen by model or by settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.results.result_set import ResultSet, Row

_IDENTITY = ("framework", "model", "task", "batch_size", "sequence_length")


def select(results: ResultSet, key: str | Mapping[str, Any]) -> list[int]:
    """Return the positions of the rows that a key selects.

    Parameters
    ----------
    results
        The results.
    key
        The name of a model, or the label of rows; or values of ``framework``, ``model``, ``task``, ``batch_size``,
        ``sequence_length``, ``status`` and axes by name, each one value or a list of those that count.

    Raises
    ------
    ArgumentError
        If the key is of another kind, names something that rows do not have, or selects nothing.
    """
    rows = list(results.rows)
    if isinstance(key, str):
        found = [i for i, row in enumerate(rows) if key in (row.label, row.case.model)]
        if not found:
            raise wrong_value("key", key, f"one of {_listed(name for r in rows for name in (r.case.model, r.label))}")
        return found
    if not isinstance(key, Mapping) or not key:
        raise wrong_value("key", key, "the name of a model, or settings as in {'dtype': 'float32'}")
    facts = [_facts(row) for row in rows]
    kept = list(range(len(rows)))
    for name, wanted in key.items():
        known = [fact[name] for fact in facts if name in fact]
        if not known:
            raise ArgumentError(
                f"key={dict(key)!r} cannot be used: no row has {name!r}; there are "
                f"{_listed(name for fact in facts for name in fact)}."
            )
        values = list(wanted) if isinstance(wanted, Iterable) and not isinstance(wanted, str) else [wanted]
        kept = [i for i in kept if name in facts[i] and facts[i][name] in values]
        if not kept:
            raise ArgumentError(f"key={dict(key)!r} cannot be used: {name} is one of {_listed(known)} in these rows.")
    return kept


def _facts(row: Row) -> dict[str, Any]:
    identity = {name: getattr(row.case, name) for name in _IDENTITY}
    return {**identity, "status": row.measurement.status, **row.settings}


def _listed(values: Iterable[Any]) -> str:
    found: Sequence[Any] = list(dict.fromkeys(values))
    return ", ".join(map(repr, found))
