"""Configurations of well-known checkpoints, one data file each, so that naming a model needs no network."""

from __future__ import annotations

import copy
import difflib
import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of the catalogue.

    Attributes
    ----------
    name
        Its name on the hub.
    aliases
        Other spellings, such as the one from before the hub's organisations.
    parameters
        Number of parameters of the architecture that the configuration names, each counted once.
    config
        The configuration as the dictionary of a ``config.json``.
    published
        The number of parameters that was published for it, as it was written there: ``124M``, ``1,235,814,400``.
    source
        Where that number and, where it is another place, the configuration was found. ``counts BertModel`` in it says
        that the publication counts that class; ``rounded to 10M`` that its zeros are no digits.
    parameters_by_major
        The number of parameters under those major versions of Transformers, such as ``"5"``, that build another model
        from this configuration; most files leave it out.
    """

    name: str
    aliases: tuple[str, ...]
    parameters: int
    config: dict[str, Any]
    published: str = ""
    source: str = ""
    parameters_by_major: dict[str, int] = field(default_factory=dict)


@cache
def checkpoints() -> tuple[Checkpoint, ...]:
    """Give every checkpoint of the catalogue, by name."""
    files = (entry for entry in resources.files(__package__).iterdir() if entry.name.endswith(".json"))
    loaded = [json.loads(entry.read_text(encoding="utf-8")) for entry in files]
    made = (Checkpoint(**{**data, "aliases": tuple(data["aliases"])}) for data in loaded)
    return tuple(sorted(made, key=lambda checkpoint: checkpoint.name))


@cache
def _by_name() -> dict[str, Checkpoint]:
    return {name: checkpoint for checkpoint in checkpoints() for name in (checkpoint.name, *checkpoint.aliases)}


def all_names() -> list[str]:
    """Give every name and other spelling of the catalogue, sorted."""
    return sorted(_by_name())


def close_names(name: str) -> list[str]:
    """Give the names of the catalogue, at most five, that are spelt like this one."""
    last_parts = {known.rpartition("/")[2].lower(): known for known in all_names()}
    close = difflib.get_close_matches(name, all_names(), n=5, cutoff=0.5)
    close += [last_parts[part] for part in difflib.get_close_matches(name.lower(), last_parts, n=5, cutoff=0.5)]
    return list(dict.fromkeys(close))[:5]


def find_config(name: str) -> dict[str, Any] | None:
    """Give the configuration of a checkpoint by any of its names, or None.

    It is the caller's own: Transformers 5 writes into the dictionary that it makes a configuration from.
    """
    checkpoint = _by_name().get(name)
    return None if checkpoint is None else copy.deepcopy(checkpoint.config)
