"""What is measured: a case, and the settings that it is measured with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from hfbench_nb.protocol.tasks import TASKS

LARGEST_SIZE = 999_999_999
"""Largest batch size and sequence length."""

Setting = str | int | float | bool | None
"""The type of an axis's value."""

SIZE_NAMES = ("batch_size", "sequence_length")
"""The names of the sizes of a case's input."""

SHOWN = ("model", "task", *SIZE_NAMES)
"""The names of what tables of one framework show of a case in addition to its settings."""

HOST, ANY_HOST = "host", "any"
"""The axis that a run on several machines has, and its value where any of them may measure the case."""


class Settings(Mapping[str, Setting]):
    """The axes of one case by name, each resolved to one value; immutable and hashable.

    Examples
    --------
    >>> Settings(dtype="float32", threads=2)["threads"]
    2
    """

    __slots__ = ("_hash", "_values")

    def __init__(self, values: Mapping[str, Setting] | None = None, **more: Setting) -> None:
        self._values: dict[str, Setting] = {**(values or {}), **more}
        self._hash: int | None = None

    @classmethod
    def from_json(cls, data: Any) -> Settings:
        """Make settings of JSON data.

        Raises
        ------
        ValueError
            If `data` is not an object of plain values.
        """
        if not isinstance(data, dict):
            raise ValueError(f"settings cannot be a {type(data).__name__}")
        for name, value in data.items():
            if not isinstance(value, str | int | float | bool | None):
                raise ValueError(f"settings[{name!r}] cannot be a {type(value).__name__}")
        return cls(data)

    def only(self, names: Iterable[str]) -> Settings:
        """Return the settings with these names, if there are any."""
        wanted = set(names)
        return Settings({name: value for name, value in self._values.items() if name in wanted})

    def without(self, names: Iterable[str]) -> Settings:
        """Return the settings without those with these names."""
        left_out = set(names)
        return Settings({name: value for name, value in self._values.items() if name not in left_out})

    def __getitem__(self, name: str) -> Setting:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._values.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, Settings) else NotImplemented

    def __reduce__(self) -> tuple[type[Settings], tuple[dict[str, Setting]]]:
        return Settings, (self._values,)  # without the hash, which differs between processes

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"


def varying_axes(settings: Iterable[Settings]) -> list[str]:
    """Return the names of the axes that have several values, in the order in which they occur; True is not 1."""
    values: dict[str, set[tuple[type, Setting]]] = {}
    for each in settings:
        for name, value in each.items():
            values.setdefault(name, set()).add((type(value), value))
    return [name for name, found in values.items() if len(found) > 1]


@dataclass(frozen=True)
class Case:
    """One thing to measure: one combination of a sweep, or a function.  Its fields are its identity.

    Attributes
    ----------
    framework
        ``PyTorch``, ``TensorFlow``, another registered one or, for a function that needs none, ``Python``.
    model
        Name of the model or of the function.
    task
        Name of a registered task.
    batch_size, sequence_length
        Sizes of the input; None for a function.
    settings
        Every axis with one value; empty for functions and where the settings are unknown (published tables).
    """

    framework: str
    model: str
    task: str
    batch_size: int | None = None
    sequence_length: int | None = None
    settings: Settings = field(default_factory=Settings)

    @property
    def identity(self) -> dict[str, Any]:
        """What identifies the case in addition to its settings, by name: the values of `IDENTITY`."""
        return {name: getattr(self, name) for name in IDENTITY}

    @property
    def shown(self) -> dict[str, Any]:
        """What tables show of the case in addition to its settings, by name: the values of `SHOWN`."""
        return {name: getattr(self, name) for name in SHOWN}

    @property
    def sizes_by_name(self) -> dict[str, int | None]:
        """The sizes of the input by name: the values of `SIZE_NAMES`, None for a function."""
        return {name: getattr(self, name) for name in SIZE_NAMES}

    @property
    def task_and_sizes(self) -> tuple[str, int | None, int | None]:
        """What cases of several models, frameworks and settings can have in common."""
        return self.task, self.batch_size, self.sequence_length

    def check(self) -> None:
        """Raise a `ValueError` if such a case cannot exist."""
        if self.task not in TASKS:
            raise ValueError(f"unknown task {self.task!r}; known: {', '.join(TASKS.names)}")
        if not self.model.strip():
            raise ValueError("the name of the model is empty")
        if not TASKS[self.task].has_sizes:
            if (self.batch_size, self.sequence_length) != (None, None):
                raise ValueError(f"a {self.task} has no batch size or sequence length")
        else:
            _ = self.sizes

    @property
    def sizes(self) -> tuple[int, int]:
        """Batch size and sequence length.

        Raises
        ------
        ValueError
            If one of them is not a whole number in range.
        """
        sizes = (self.batch_size, self.sequence_length)
        if not all(size is not None and 1 <= size <= LARGEST_SIZE for size in sizes):
            raise ValueError(f"batch size and sequence length must be whole numbers from 1 to {LARGEST_SIZE}: {sizes}")
        return sizes  # type: ignore[return-value]

    @property
    def sequences_per_call(self) -> int:
        """How many sequences a call processes: a step of training may consist of several micro-batches."""
        batches = self.settings.get(TASKS[self.task].repeated_by, 1)
        return self.sizes[0] * (batches if isinstance(batches, int) else 1)

    def of_model(self, model: str) -> Case:
        """Return the same case of another model."""
        return replace(self, model=model)

    def to_dict(self) -> dict[str, Any]:
        """Return the case as plain JSON data."""
        return {**vars(self), "settings": dict(self.settings)}

    def __str__(self) -> str:
        if self.batch_size is None:
            return f"{self.model}, {self.task}"
        return f"{self.model}, {self.task}, batch size {self.batch_size}, sequence length {self.sequence_length}"


IDENTITY = tuple(each.name for each in fields(Case) if each.name != "settings")
"""The names of what identifies a case in addition to its settings."""
