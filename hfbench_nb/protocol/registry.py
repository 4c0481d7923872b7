"""Registries of entries that are chosen by name and can be extended from outside the package."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Generic, Protocol, TypeVar


class Named(Protocol):
    """What a registry holds: anything with a name."""

    @property
    def name(self) -> str:
        """The name under which it is registered."""
        ...


_Entry = TypeVar("_Entry", bound=Named)


class Registry(Generic[_Entry]):
    """Entries by name, in the order of registration.

    Parameters
    ----------
    kind
        What the entries are, for messages.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, _Entry] = {}

    def register(self, entry: _Entry, *, replace: bool = False) -> _Entry:
        """Add an entry and return it.

        Parameters
        ----------
        entry
            What to add.
        replace
            Whether it may replace an entry of the same name.

        Raises
        ------
        ValueError
            If the name is taken.
        """
        if entry.name in self._entries and not replace:
            raise ValueError(f"a {self._kind} named {entry.name!r} is registered already")
        self._entries[entry.name] = entry
        return entry

    def remove(self, name: str) -> None:
        """Remove an entry."""
        del self._entries[name]

    def __getitem__(self, name: str) -> _Entry:
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(self._entries)
            raise KeyError(f"no {self._kind} is named {name!r}; there are {known}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[_Entry]:
        return iter(self._entries.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries."""
        return tuple(self._entries)


def resolve(reference: str) -> Any:
    """Import the object that ``package.module:name`` refers to, or the module where no name is given.

    Raises
    ------
    ImportError
        If there is no such module.
    AttributeError
        If the module has no such name.
    """
    module, _, name = reference.partition(":")
    imported = import_module(module)
    return getattr(imported, name) if name else imported
