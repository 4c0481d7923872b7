"""Configurations of well-known checkpoints, one data file each, so that looking up a model needs no network."""

from __future__ import annotations

import copy
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
        Other names, such as the one from before the hub had organisations.
    parameters
        Number of parameters of the architecture that the configuration names, each counted once.
    config
        The configuration, as the dictionary of a ``config.json``.
    published
        The published number of parameters, as written in the source: ``124M``, ``1,235,814,400``.
    source
        Where that number was found and, if elsewhere, the configuration. ``counts BertModel`` in it means that the
        publication counts that class; ``rounded to 10M``, that the trailing zeros are not significant.
    parameters_by_major
        The number of parameters by major version of Transformers, such as ``"5"``, for versions that build a different
        model from this configuration; absent from most files.
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
    """Return all checkpoints of the catalogue, sorted by name."""
    files = (entry for entry in resources.files(__package__).iterdir() if entry.name.endswith(".json"))
    loaded = [json.loads(entry.read_text(encoding="utf-8")) for entry in files]
    made = (Checkpoint(**{**data, "aliases": tuple(data["aliases"])}) for data in loaded)
    return tuple(sorted(made, key=lambda checkpoint: checkpoint.name))


@cache
def _by_name() -> dict[str, Checkpoint]:
    return {name: checkpoint for checkpoint in checkpoints() for name in (checkpoint.name, *checkpoint.aliases)}


def all_names() -> list[str]:
    """Return all names and aliases in the catalogue, sorted."""
    return sorted(_by_name())


def find_config(name: str) -> dict[str, Any] | None:
    """Return the configuration of a checkpoint by any of its names, or None.

    It is a copy: Transformers 5 modifies the dictionary that it makes a configuration from.
    """
    checkpoint = _by_name().get(name)
    return None if checkpoint is None else copy.deepcopy(checkpoint.config)
