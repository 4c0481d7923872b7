"""Registries, and references to what is not imported yet."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from hfbench_nb.protocol.registry import Registry, resolve

pytestmark = pytest.mark.quick


@dataclass(frozen=True)
class Thing:
    name: str
    colour: str = "red"


@pytest.fixture
def things():
    registry = Registry("thing")
    for name in ("c", "a", "b"):
        registry.register(Thing(name))
    return registry


def test_a_registry_keeps_the_order_of_registration(things):
    assert things.names == ("c", "a", "b")
    assert [thing.name for thing in things] == ["c", "a", "b"]
    assert things.register(Thing("d")) == Thing("d")
    assert things.names == ("c", "a", "b", "d")
    assert things["a"] == Thing("a")
    assert "a" in things
    assert "z" not in things
    assert None not in things


def test_a_name_is_taken_unless_it_is_replaced_in_its_place(things):
    with pytest.raises(ValueError, match="a thing named 'a' is registered already"):
        things.register(Thing("a", "blue"))
    assert things["a"].colour == "red"
    things.register(Thing("a", "blue"), replace=True)
    assert things["a"].colour == "blue"
    assert things.names == ("c", "a", "b")


def test_an_unknown_name_is_told_with_those_that_are_known(things):
    with pytest.raises(KeyError) as caught:
        things["z"]
    assert caught.value.args == ("no thing is named 'z'; there are c, a, b",)


def test_what_was_removed_is_gone(things):
    things.remove("a")
    assert things.names == ("c", "b")
    assert "a" not in things
    with pytest.raises(KeyError):
        things.remove("a")
    things.register(Thing("a"))
    assert things.names == ("c", "b", "a")


def test_references_are_resolved():
    assert resolve("json:dumps") is json.dumps
    assert resolve("json") is json
    with pytest.raises(ImportError):
        resolve("no_such_module_anywhere:name")
    with pytest.raises(AttributeError):
        resolve("json:no_such_name")
