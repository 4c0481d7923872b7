"""The examples in the documentation of the package show what really happens."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import hfbench_nb

pytestmark = [pytest.mark.usefixtures("close_figures"), pytest.mark.quick]

PACKAGE = Path(hfbench_nb.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(import_module(name)).failed == 0


def test_there_are_modules_with_examples():
    assert len(MODULES) > 10
