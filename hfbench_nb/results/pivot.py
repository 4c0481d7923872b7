"""Any metrics of a sweep as a pivoted DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hfbench_nb.arguments.sweep import known_axes
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.rendering.suggestions import did_you_mean
from hfbench_nb.results.curve_frame import SIZE_TITLES
from hfbench_nb.results.result_set import ResultSet

if TYPE_CHECKING:
    import pandas as pd

_SIZES = tuple(SIZE_TITLES)


def pivot(
    results: ResultSet,
    frame: pd.DataFrame,
    values: str | Sequence[str],
    index: str | Sequence[str] | None,
    columns: str | Sequence[str] | None,
) -> pd.DataFrame:
    """Return columns of a frame of the results as a table; see `hfbench_nb.analysis.speedups.table`."""
    frame = frame.assign(label=results.labels)
    # A function has no sizes: without this, the sizes of models in the same frame would become floats.
    # So would numbers of new tokens, which only cases of generation have.
    more = [name for name, axis in known_axes().items() if axis.is_size and name in frame]
    frame = frame.astype({name: "Int64" for name in (*_SIZES, *more) if frame[name].isna().any()})
    names = ["label" if (frame["label"] != frame["model"]).any() else "model"]
    of_functions = bool(frame["sequence_length"].isna().all()) and not frame.empty
    several_tasks = ["task"] if len(results.tasks) > 1 else []
    default_index = [*names, *several_tasks, *([] if of_functions else ["batch_size"])]
    rows = _names("index", index, default_index, frame)
    across = _names("columns", columns, ["task"] if of_functions else ["sequence_length"], frame)
    shown = _names("values", values, [], frame)
    used = [*rows, *across, *shown]
    if twice := sorted({name for name in used if used.count(name) > 1}):
        raise ArgumentError(f"{', '.join(twice)} cannot be used more than once in values, index and columns.")
    check_places(frame, rows, across)
    # There is nothing to aggregate. pivot sorts alphabetically, but text must be in the order measured.
    pivoted = frame.pivot(index=_alone(rows), columns=_alone(across), values=_alone(shown))  # noqa: PD010
    ranks: dict[Any, dict[Any, int]] = {name: _ranks(frame[name]) for name in [*rows, *across] if name not in _SIZES}
    ranks[None] = _ranks(shown)
    for axis in (0, 1):
        pivoted = pivoted.sort_index(axis=axis, key=lambda level: level.map(ranks.get(level.name, lambda size: size)))
    return pivoted


def _names(parameter: str, value: object, default: list[str], frame: pd.DataFrame) -> list[str]:
    if value is None and default:
        return default
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names or not set(map(str, names)) <= set(frame.columns):
        allowed = ", ".join(map(repr, frame.columns))
        unknown = [name for name in names if name not in [*frame.columns]] if isinstance(names, Sequence) else []
        hint = did_you_mean(str(unknown[0]), frame.columns, most=3) if unknown else ""
        raise wrong_value(parameter, value, f"one of the columns {allowed}, or a list of them", hint)
    return list(names)


def check_places(frame: pd.DataFrame, rows: list[str], across: list[str]) -> None:
    """Raise if several cases share a cell of the table: only one of them could be shown."""
    places = [*rows, *across]
    shared = frame[frame.duplicated(places, keep=False)]
    if shared.empty:
        return
    _, cases = next(iter(shared.groupby(places, sort=False, dropna=False)))
    place = ", ".join(f"{name} {cases[name].iloc[0]}" for name in places)
    identity = [name for name in frame.columns[: list(frame.columns).index("status")] if name != "model"]
    apart = [name for name in ["label", *identity] if name not in places and len(cases[name].unique()) > 1]
    advice = f"Add {' or '.join(map(repr, apart))} to one of them." if apart else (
        "They differ in no setting: read them from the frame, or leave out one of two values that mean the same here."
    )  # fmt: skip
    raise ArgumentError(
        f"index={rows!r}, columns={across!r} cannot be used: they put {len(cases)} cases in one place ({place}). "
        + advice
    )


def _ranks(items: Iterable[Any]) -> dict[Any, int]:
    return {item: rank for rank, item in enumerate(dict.fromkeys(items))}


def _alone(names: list[str]) -> Any:
    return names[0] if len(names) == 1 else names
