"""Which process of pytest-xdist runs which tests.

Like ``--dist loadgroup``: the tests of the modules with one ``xdist_group`` share a process, the others go wherever
there is room. xdist 3.8 itself hands the groups on as ends of node ids, which pytest 9.2 no longer lets it change; so
they are read from the modules here.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


@functools.cache
def group_of(module: Path) -> str | None:
    """Find the group that the marks of a module (``pytestmark``) name."""
    for statement in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "pytestmark":
            for call in ast.walk(statement):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.xdist_group":
                    return str(ast.literal_eval(call.args[0]))
    return None


class GroupScheduling(LoadScopeScheduling):
    """Gives out the groups first, from the largest to the smallest, then test by test."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self._root = config.rootpath

    def _split_scope(self, nodeid: str) -> str:
        return group_of(self._root / nodeid.partition("::")[0]) or nodeid
